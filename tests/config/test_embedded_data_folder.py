import stat
from pathlib import Path

import pytest

from config.embedded import __main__ as command
from config.embedded.credentials import load_or_create
from config.embedded.data_folder import DataFolder
from config.embedded.environment import write_services_env
from config.embedded.errors import AlreadyRunning, FolderRefused
from config.embedded.throwaway import throwaway_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    monkeypatch.setenv("WINNOW_DATA", str(tmp_path / "data"))
    folder = DataFolder.from_environment()
    folder.create()
    return folder


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_and_secrets_are_private(folder: DataFolder) -> None:
    load_or_create(folder.credentials)
    write_services_env(folder, {"SECRET_KEY": "x"})
    assert mode_of(folder.root) == 0o700
    assert mode_of(folder.credentials) == mode_of(folder.services_env) == 0o600


def test_credentials_are_made_once(folder: DataFolder) -> None:
    first = load_or_create(folder.credentials)
    assert load_or_create(folder.credentials) == first
    assert len({first.owner_password, first.app_password, first.redis_password}) == 3


def test_second_supervisor_is_refused_with_the_address_of_the_first(folder: DataFolder) -> None:
    with folder.locked(url="http://127.0.0.1:8000"), pytest.raises(AlreadyRunning) as refusal, folder.locked():
        pass
    assert "at http://127.0.0.1:8000" in str(refusal.value)
    assert not folder.is_locked()


def test_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").touch()
    with pytest.raises(FolderRefused, match="holds other files"):
        DataFolder(tmp_path).create()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_folder_that_commands_began_is_adopted(tmp_path: Path) -> None:
    (tmp_path / "tiktoken").mkdir()
    DataFolder(tmp_path).create()
    assert DataFolder(tmp_path).is_ours()


def test_reset_clears_the_folder(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    load_or_create(folder.credentials)
    (folder.media / "cv.pdf").touch()
    assert command.main(["reset"]) == 0
    assert list(folder.root.iterdir()) == [folder.lock_file]
    assert capsys.readouterr().out == f"Deleted the data in {folder.root}.\n"


def test_reset_is_refused_while_winnow_runs(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    load_or_create(folder.credentials)
    with folder.locked():
        assert command.main(["reset"]) == 1
    assert folder.credentials.exists()
    assert "Winnow is already running here" in capsys.readouterr().err


def test_reset_leaves_a_folder_that_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "media").mkdir()
    monkeypatch.setenv("WINNOW_DATA", str(tmp_path))
    assert command.main(["reset"]) == 0
    assert (tmp_path / "media").exists()
    assert capsys.readouterr().out == f"There are no data of Winnow's in {tmp_path}.\n"


def test_status_tells_whether_winnow_runs(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["status"]) == 3
    with folder.locked(url="http://127.0.0.1:8000"):
        assert command.main(["status"]) == 0
    assert "Address: http://127.0.0.1:8000" in capsys.readouterr().out


def test_abandoned_throwaway_folders_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("config.embedded.throwaway._OLD_SECONDS", -1)
    with throwaway_folder() as kept:
        abandoned = DataFolder(kept.root.with_name(kept.root.name + "-killed"))
        abandoned.create()
        with throwaway_folder():
            assert kept.root.exists()
            assert not abandoned.root.exists()
    assert list(tmp_path.iterdir()) == []
