"""Make small DOCX files from pieces of their XML."""

from __future__ import annotations

import io
import zipfile

from docx import Document

NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:v="urn:schemas-microsoft-com:vml"'
)
DOCUMENT = "word/document.xml"


def docx(body: str, *, prolog: str = "", head: str = "", parts: dict[str, bytes | str] | None = None) -> bytes:
    """Make a document with the XML `body`; `head` goes before the body, `parts` replace or join the template's."""
    document = f"{prolog}<w:document {NAMESPACES}>{head}<w:body>{body}</w:body></w:document>"
    return rezip(template(), {DOCUMENT: document, **(parts or {})})


def template() -> bytes:
    """Return python-docx's empty document."""
    buffer = io.BytesIO()
    Document().save(buffer)
    return buffer.getvalue()


def rezip(data: bytes, parts: dict[str, bytes | str]) -> bytes:
    """Copy a zip archive with `parts` replaced or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, parts[name] if name in parts else source.read(name))
        for name in parts.keys() - set(source.namelist()):
            target.writestr(name, parts[name])
    return buffer.getvalue()


def paragraph(text: str, *, run: str = "", properties: str = "") -> str:
    """Return a paragraph of one run; `run` and `properties` go into its w:rPr and w:pPr."""
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr><w:t>{text}</w:t></w:r></w:p>"
