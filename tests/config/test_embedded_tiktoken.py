from pathlib import Path

import pytest
import tiktoken.load
from tiktoken_ext import openai_public

from config.embedded.tiktoken_ranks import unpack_ranks


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_tiktoken_accepts_the_unpacked_ranks_offline(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tiktoken.load, "read_file", lambda address: pytest.fail(f"fetched {address}"))
    unpack_ranks(tmp_path)
    ranks = openai_public.ENCODING_CONSTRUCTORS[encoding]()["mergeable_ranks"]
    assert ranks[b"hello"] > 0
