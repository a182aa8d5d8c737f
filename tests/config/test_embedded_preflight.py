import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import preflight
from config.embedded.errors import DiskFull, PortTaken, full_disk_explained
from config.embedded.ports import PortBook


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_port_is_kept_from_start_to_start(tmp_path: Path) -> None:
    port = PortBook(tmp_path / "ports.json").port_for("postgres")
    assert PortBook(tmp_path / "ports.json").port_for("postgres") == port


def test_port_taken_by_another_program_is_replaced(tmp_path: Path, taken_port: int) -> None:
    (tmp_path / "ports.json").write_text(f'{{"postgres": {taken_port}}}')
    port = PortBook(tmp_path / "ports.json").port_for("postgres")
    assert port != taken_port
    assert PortBook(tmp_path / "ports.json").port_for("postgres") == port


def test_taken_web_port_is_named_with_the_way_out(taken_port: int) -> None:
    with pytest.raises(PortTaken, match=f"Port {taken_port} is used by .* make demo PORT={taken_port + 1}"):
        preflight.check_port(taken_port)


def test_full_disk_is_noticed_before_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "REQUIRED_FREE_MB", 10**9)
    with pytest.raises(DiskFull, match="Winnow needs 1000000000 MB"):
        preflight.check_disk(tmp_path / "not" / "there" / "yet")


def test_disk_that_fills_up_later_is_explained() -> None:
    with pytest.raises(DiskFull, match="make room"), full_disk_explained():
        raise OSError(errno.ENOSPC, "No space left on device")
