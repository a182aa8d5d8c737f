import os
from pathlib import Path

import pytest

from config.embedded import fingerprints
from config.embedded.done import WorkDone


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("requirements/production.lock", "tokens/migrations/0001_initial.py", "static/base.css"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(fingerprints, "PROJECT", tmp_path)
    monkeypatch.setattr(fingerprints, "_LOCK", tmp_path / "requirements/production.lock")
    return tmp_path


def test_work_is_remembered_with_its_sources(tmp_path: Path) -> None:
    WorkDone(tmp_path / "done.json").note("tables", "abc")
    done = WorkDone(tmp_path / "done.json")
    assert done.has("tables", "abc")
    assert not done.has("tables", "abd")
    assert not done.has("static files", "abc")


def test_new_migration_asks_for_the_tables_again(project: Path) -> None:
    before = fingerprints.of_tables_and_demo("http://here"), fingerprints.of_static_files()
    (project / "tokens/migrations/0002_more.py").touch()
    assert fingerprints.of_tables_and_demo("http://here") != before[0]
    assert fingerprints.of_static_files() == before[1]


def test_another_address_asks_for_the_demo_again(project: Path) -> None:
    assert fingerprints.of_tables_and_demo("http://here") != fingerprints.of_tables_and_demo("http://there")


@pytest.mark.parametrize("name", ["static/base.css", "requirements/production.lock"])
def test_changed_file_asks_for_the_static_files_again(project: Path, name: str) -> None:
    before = fingerprints.of_static_files()
    os.utime(project / name, ns=(0, 0))
    assert fingerprints.of_static_files() != before


def test_collected_static_files_are_no_source(project: Path) -> None:
    before = fingerprints.of_static_files()
    (project / ".winnow/static").mkdir(parents=True)
    (project / ".winnow/static/base.css").touch()
    assert fingerprints.of_static_files() == before
