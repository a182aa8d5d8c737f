import os
import subprocess
from pathlib import Path

import pytest

from config.embedded.data_folder import PROJECT


def install(python: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHON": python,
        "VENV": str(folder / "venv"),
        "LOCK": "requirements/development.lock",
        "READY": str(folder / "venv" / "installed.lock"),
    }
    return subprocess.run(
        ["requirements/install.sh"], env=environment, cwd=PROJECT, capture_output=True, text=True, check=False
    )


def pretend_python(folder: Path, script: str) -> str:
    python = folder / "python3"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return str(python)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ('case "$1" in --version) echo "Python 3.10.4";; *) exit 1;; esac', "is Python 3.10.4"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "apt-get install python3-venv"),
    ],
)
def test_unfit_python_is_told_from_a_fit_one(tmp_path: Path, script: str, message: str) -> None:
    done = install(pretend_python(tmp_path, script), tmp_path)
    assert done.returncode == 1
    assert message in done.stdout
    assert not (tmp_path / "venv").exists()


def test_missing_python_is_named(tmp_path: Path) -> None:
    done = install("python9", tmp_path)
    assert done.returncode == 1
    assert "there is no 'python9' here" in done.stdout
