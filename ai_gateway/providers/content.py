"""What a turn of a conversation is made of: texts, images, PDFs, tools and their calls."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words between images or files."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image file: PNG, JPEG, GIF or WebP. ``detail`` is OpenAI's (low, high, original, auto); others ignore it."""

    data: bytes
    media_type: str
    detail: str = "auto"


@dataclass(frozen=True, slots=True)
class PdfPart:
    """A PDF file. Its name is read by the model."""

    data: bytes
    filename: str = "document.pdf"


ContentPart = TextPart | ImagePart | PdfPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may ask us to call; ``parameters`` is a JSON schema of an object.

    ``strict`` has the provider hold the arguments to the schema; OpenAI then takes only its strict subset.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    strict: bool = False


@dataclass(frozen=True, slots=True)
class NamedTool:
    """The choice of one tool that must be called."""

    name: str


# auto: the model decides; required: some tool must be called; none: no tool may be.
ToolChoice = Literal["auto", "required", "none"] | NamedTool


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model's wish to have a tool called. ``arguments`` is JSON as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str


def as_data_url(data: bytes, media_type: str) -> str:
    """Return a file as a URL that holds it whole."""
    return f"data:{media_type};base64,{as_base64(data)}"


def as_base64(data: bytes) -> str:
    """Return bytes as JSON can carry them."""
    return base64.b64encode(data).decode("ascii")
