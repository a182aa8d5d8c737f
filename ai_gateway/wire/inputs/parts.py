"""The input of one request, whatever its format, and how many tokens it is.

Three answers: ``bound`` (bytes, nothing tokenized), ``count`` (tokenized, an upper bound all the same) and ``guess``
(what is charged where the provider reported nothing). ``guess <= count <= bound``.
"""

import binascii
import json
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ai_gateway.estimating import (
    bound_text_tokens,
    bound_tokens_by_bytes,
    count_tool_frames,
    estimate_image_tokens,
    estimate_pdf_tokens,
    guess_text_tokens,
    list_tool_texts,
)
from ai_gateway.providers.types import ProviderKind
from ai_gateway.wire.types import ImageUrl

# The heading and the field names around a schema; its text is counted apart.
_TOKENS_PER_SCHEMA = 32
# The system text that Anthropic adds, structured output's included, and the template of a compatible server.
_FOREIGN_TOKENS_PER_REQUEST = 64
# An image's header is in its first bytes; a photograph's may hold a thumbnail and other notes before its size.
_HEADER_CHARACTERS = 262_144
# 10 tokens a second, and compressed speech of 8 kbit/s has 1,333 base64 characters a second: a third of this bound.
_AUDIO_CHARACTERS_PER_TOKEN = 40


@dataclass(frozen=True, slots=True)
class Image:
    """An image in base64."""

    data: str
    detail: str = "auto"


@dataclass
class Input:
    """Filled by a format's reader. ``frame`` are tokens around messages; ``tokens`` are those sent as numbers.

    ``image_urls`` are to be fetched before anything can be counted. What only the provider could look up or fetch is
    named, to be refused: ``file_urls``, ``stored`` (ids of what lies on the account), ``unreadable`` (kinds of files
    whose tokens cannot be bounded).
    """

    texts: list[str] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    pdfs: list[str] = field(default_factory=list)
    tools: list[Mapping[str, Any]] = field(default_factory=list)
    frame: int = 0
    tokens: int = 0
    inputs: int = 0
    has_schema: bool = False
    image_urls: list[ImageUrl] = field(default_factory=list)
    file_urls: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def add_json(self, value: object) -> None:
        """Add something that the model reads as JSON; nothing adds nothing."""
        if value:
            self.texts.append(json.dumps(value, ensure_ascii=False))

    def add_text(self, value: object) -> None:
        """Add a text; anything else is read as JSON."""
        if isinstance(value, str):
            self.texts.append(value)
        else:
            self.add_json(value)

    def add_schema(self, value: object) -> None:
        """Add the shape that the answer must have."""
        if value:
            self.has_schema = True
            self.add_json(value)

    def add_audio(self, data: object) -> None:
        """Add a sound in base64."""
        self.frame += len(data) // _AUDIO_CHARACTERS_PER_TOKEN + 100 if isinstance(data, str) else 0

    def add_image(self, holder: MutableMapping[str, Any], name: str) -> None:
        """Add an image by its address at ``holder[name]``, which may hold it (``data:``)."""
        url, detail = holder.get(name), holder.get("detail")
        if not isinstance(url, str):
            self.unreadable.append("image without an address")
        elif url[:5].lower() == "data:":
            self.images.append(Image(_after_comma(url), detail if isinstance(detail, str) else "auto"))
        else:
            self.image_urls.append(ImageUrl(url, holder, name))

    def add_file(self, data: object) -> None:
        """Add a file in base64, with or without ``data:``. Of PDFs and plain texts the tokens can be told."""
        if not isinstance(data, str):
            self.unreadable.append("file without data")
            return
        content = _after_comma(data) if data[:5].lower() == "data:" else data
        if content.startswith("JVBER"):  # %PDF in base64
            self.pdfs.append(content)
        elif data[:10].lower() == "data:text/":
            self.texts.append(_decode(content).decode("utf-8", "replace"))
        else:
            self.unreadable.append(data[: data.find(";", 0, 80)] if data[:5].lower() == "data:" else "file")

    def bound(self, model: str, kind: ProviderKind) -> int:
        """Return a number that the input tokens cannot exceed, without tokenizing."""
        texts = sum(bound_tokens_by_bytes(text) for text in self._all_texts)
        return texts + self._count_rest(model, kind)

    def count(self, model: str, kind: ProviderKind) -> int:
        """Return an upper bound of the input tokens, by the model's vocabulary."""
        return bound_text_tokens(self._all_texts, model=model, kind=kind) + self._count_rest(model, kind)

    def guess(self, model: str, kind: ProviderKind) -> int:
        """Return the likeliest number of input tokens."""
        texts = min(
            guess_text_tokens(self._all_texts, model=model, kind=kind),
            bound_text_tokens(self._all_texts, model=model, kind=kind),
        )
        return texts + self.frame + self.tokens + self._count_media(model, kind)

    @cached_property
    def _all_texts(self) -> list[str]:
        return [*self.texts, *list_tool_texts(self.tools)]

    def _count_rest(self, model: str, kind: ProviderKind) -> int:
        """Return at most the tokens of all but the texts."""
        tokens = self.frame + self.tokens + self._count_media(model, kind) + count_tool_frames(self.tools, kind)
        tokens += _TOKENS_PER_SCHEMA if self.has_schema else 0
        if kind == "compatible":
            tokens += 2 * self.inputs  # the marks that some models put around each text to embed
        return tokens if kind == "openai" else tokens + _FOREIGN_TOKENS_PER_REQUEST

    def _count_media(self, model: str, kind: ProviderKind) -> int:
        return sum(self._iter_media(model, kind))

    def _iter_media(self, model: str, kind: ProviderKind) -> Iterator[int]:
        if self.image_urls:
            raise ValueError("an image by its address cannot be counted: fetch it first")
        for image in self.images:
            header = _decode(image.data[:_HEADER_CHARACTERS])
            yield estimate_image_tokens(header, model=model, kind=kind, detail=image.detail)
        for pdf in self.pdfs:
            yield estimate_pdf_tokens(_decode(pdf), model=model, kind=kind)


def _after_comma(url: str) -> str:
    return url[url.find(",", 0, 256) + 1 :]


def _decode(data: str) -> bytes:
    """Return what is in ``data``, cut anywhere, with or without padding and line ends; of no base64 nothing."""
    for end in (len(data), len(data) - 1):
        with suppress(binascii.Error, ValueError):  # one character more than whole bytes have
            return binascii.a2b_base64(data[:end] + "===")
    return b""
