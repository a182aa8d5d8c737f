"""Whether a run of a Word document is seen: hidden, tiny, or of the colour of its ground.

A property is taken from the first of these that sets it: the run, its character style, its paragraph's style
(each with the styles that it is based on), the document's defaults. What table styles add is not resolved:
where they may paint a ground, the ground counts as unknown and the text as seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docx.oxml.ns import nsmap, qn

from applications.extraction.contrast import WHITE, Rgb, is_readable

Element = Any  # lxml's element classes are not typed

MIN_HALF_POINTS = 2  # one point; at and below, text is a line of dust
OFF_VALUES = ("0", "false", "off", "none")
MAX_STYLE_DEPTH = 20  # a chain of styles may be a circle
DRAWING = f"{{{nsmap['a']}}}"
SHAPE = "{http://schemas.microsoft.com/office/word/2010/wordprocessingShape}"
VML = "{urn:schemas-microsoft-com:vml}"
VML_SHAPES = tuple(VML + name for name in ("shape", "rect", "roundrect", "oval"))
VARIED_FILLS = ("gradFill", "blipFill", "pattFill", "grpFill")


class Appearance:
    """Answers for the runs of one document, given the elements of its styles and its main part."""

    def __init__(self, styles: Element, document: Element) -> None:
        self._styles = {style.get(qn("w:styleId")): style for style in styles.iter(qn("w:style"))}
        self._default_paragraph = next(filter(_is_default_paragraph, self._styles.values()), None)
        self._defaults = styles.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}")
        background = document.find(qn("w:background"))
        self._page: Rgb | None = WHITE if background is None else _rgb(background.get(qn("w:color")))

    def is_seen(self, run: Element) -> bool:
        """Tell whether a reader sees the text of a `w:r` element."""
        paragraph = next(run.iterancestors(qn("w:p")), None)
        layers = list(self._layers(run, paragraph))
        if _is_on(_first(layers, "w:vanish")):
            return False
        size = _value(_first(layers, "w:sz"))
        if size.isdigit() and int(size) <= MIN_HALF_POINTS:
            return False
        ink = _rgb(_value(_first(layers, "w:color")))
        return ink is None or is_readable(ink, self._ground(run, layers))

    def _layers(self, run: Element, paragraph: Element | None) -> Iterator[Element]:
        """Yield the `w:rPr` elements that apply to a run, nearest first."""
        own = run.find(qn("w:rPr"))
        if own is not None:
            yield own
            yield from self._style_layers(_value(own.find(qn("w:rStyle"))), "w:rPr")
        if paragraph is not None:
            yield from self._style_layers(self._paragraph_style(paragraph), "w:rPr")
        if self._defaults is not None:
            yield self._defaults

    def _style_layers(self, style_id: str, part: str) -> Iterator[Element]:
        for _ in range(MAX_STYLE_DEPTH):
            style = self._styles.get(style_id)
            if style is None:
                return
            properties = style.find(qn(part))
            if properties is not None:
                yield properties
            style_id = _value(style.find(qn("w:basedOn")))

    def _paragraph_style(self, paragraph: Element) -> str:
        named = _value(paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}"))
        if not named and self._default_paragraph is not None:
            return str(self._default_paragraph.get(qn("w:styleId")))
        return named

    def _ground(self, run: Element, layers: list[Element]) -> Rgb | None:
        """Return the colour that the run stands on, None if it cannot be told."""
        highlight = _value(_first(layers, "w:highlight"))
        if highlight not in ("", "none"):
            return WHITE if highlight == "white" else None
        shadings = [_first(layers, "w:shd")]
        for around in run.iterancestors():
            if around.tag == SHAPE + "wsp":
                return _shape_ground(around)
            if around.tag in VML_SHAPES:
                return None if around.get("fillcolor") else WHITE
            shadings += self._shadings_of(around)
            fill = next((fill for fill in map(_fill, shadings) if fill), "")
            if fill:
                return _rgb(fill)
            shadings.clear()
        return self._page

    def _shadings_of(self, around: Element) -> list[Element | None]:
        """Return what may shade a paragraph, a cell or a table."""
        if around.tag == qn("w:p"):
            styles = self._style_layers(self._paragraph_style(around), "w:pPr")
            return [_shd(around, "w:pPr"), *(style.find(qn("w:shd")) for style in styles)]
        if around.tag == qn("w:tc"):
            return [_shd(around, "w:tcPr")]
        if around.tag == qn("w:tbl"):
            style = self._styles.get(_value(around.find(f"{qn('w:tblPr')}/{qn('w:tblStyle')}")))
            return [_shd(around, "w:tblPr"), *(style.iter(qn("w:shd")) if style is not None else ())]
        return []


def _first(layers: list[Element], name: str) -> Element | None:
    found = (layer.find(qn(name)) for layer in layers)
    return next((element for element in found if element is not None), None)


def _value(element: Element | None) -> str:
    return "" if element is None else element.get(qn("w:val"), "")


def _is_on(element: Element | None) -> bool:
    return element is not None and _value(element) not in OFF_VALUES


def _is_default_paragraph(style: Element) -> bool:
    return style.get(qn("w:type")) == "paragraph" and style.get(qn("w:default")) in ("1", "true", "on")


def _shd(element: Element, properties: str) -> Element | None:
    return element.find(f"{qn(properties)}/{qn('w:shd')}")


def _fill(shading: Element | None) -> str:
    """Return the colour of a shading as Word writes it, "pattern" for what is not one colour, "" for none."""
    if shading is None:
        return ""
    if shading.get(qn("w:themeFill")) or _value(shading) not in ("", "clear", "nil"):
        return "pattern"
    fill = shading.get(qn("w:fill"), "auto")
    return "" if fill == "auto" else str(fill)


def _shape_ground(shape: Element) -> Rgb | None:
    """Return what a drawn shape puts behind its text."""
    properties = shape.find(SHAPE + "spPr")
    if properties is not None:
        if properties.find(DRAWING + "noFill") is not None:
            return WHITE
        solid = properties.find(f"{DRAWING}solidFill")
        if solid is not None:
            color = solid.find(DRAWING + "srgbClr")
            return None if color is None else _rgb(color.get("val"))
        if any(properties.find(DRAWING + fill) is not None for fill in VARIED_FILLS):
            return None
    themed = shape.find(f"{SHAPE}style/{DRAWING}fillRef")
    return WHITE if themed is None or themed.get("idx", "0") == "0" else None


def _rgb(color: str | None) -> Rgb | None:
    """Read six hexadecimal digits; None for "auto" and other words, which a reader shows readably."""
    if color is None or len(color) != 6:
        return None
    try:
        red, green, blue = bytes.fromhex(color)
    except ValueError:
        return None
    return (red / 255, green / 255, blue / 255)
