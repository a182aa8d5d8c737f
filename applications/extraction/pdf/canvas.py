"""A device that remembers every glyph and painted area of a page, and gives back the text that is seen."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

from pdfminer.converter import PDFLayoutAnalyzer
from pdfminer.layout import LAParams, LTChar, LTPage, LTTextBox, LTTextGroup
from pdfminer.pdfcolor import PDFColorSpace
from pdfminer.pdfdevice import PDFTextSeq
from pdfminer.pdffont import PDFCIDFont, PDFFont, PDFType3Font
from pdfminer.pdfinterp import PDFGraphicState, PDFResourceManager, PDFTextState
from pdfminer.pdfpage import PDFPage
from pdfminer.pdftypes import PDFStream
from pdfminer.utils import Matrix, PathSegment, Rect, apply_matrix_pt, apply_matrix_rect

from applications.extraction.pdf.color import to_rgb
from applications.extraction.pdf.geometry import Area, Box, Point, Surface
from applications.extraction.pdf.state import GraphicState
from applications.extraction.pdf.visibility import MIN_ALPHA, Glyph, PageText, choose_text

UNIT_SQUARE: tuple[Point, ...] = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
OPAQUE_ALPHA = 0.95
# Codes that WinAnsiEncoding leaves free: it draws a bullet for each (ISO 32000-1, annex D.2, note 3).
WIN_ANSI_BULLETS = (127, 129, 141, 143, 144, 157)
LAYOUT = LAParams()
# Ordering boxes by columns takes time and memory that grow with the square of their number.
MAX_ORDERED_BOXES = 400


class Layout(LTPage):
    """A page whose characters pdfminer joins to lines, boxes and columns."""

    def group_textboxes(self, laparams: LAParams, boxes: Sequence[LTTextBox]) -> list[LTTextGroup]:
        """Bring boxes into reading order, by columns if that can be done in time, else from top to bottom."""
        if len(boxes) <= MAX_ORDERED_BOXES:
            return super().group_textboxes(laparams, boxes)
        in_rows = sorted(boxes, key=lambda box: (-box.y1, box.x0))
        return [LTTextGroup([box]) for box in in_rows]


class Pen(LTPage):
    """Stands in for pdfminer's page and holds the character that was made last."""

    char: LTChar

    def add(self, obj: object) -> None:
        """Take the character that `render_char` made."""
        assert isinstance(obj, LTChar)
        self.char = obj


class Canvas(PDFLayoutAnalyzer):
    """The page on which an Interpreter paints. `text` holds the result after each page."""

    def __init__(self, resources: PDFResourceManager) -> None:
        super().__init__(resources, laparams=None)
        self.text = PageText("")
        self.picture_state = GraphicState()
        self._text_mode = 0

    def begin_page(self, page: PDFPage, ctm: Matrix) -> None:
        """Start an empty page."""
        super().begin_page(page, ctm)
        self.cur_item = self._pen = Pen(self.pageno, self.cur_item.bbox)
        self._page = Box(*apply_matrix_rect(ctm, page.cropbox))
        self._surface = Surface(self._page)
        self._glyphs: list[Glyph] = []
        self._painted = 0

    def end_page(self, page: PDFPage) -> None:
        """Choose what is seen, and bring it into reading order."""
        chosen = choose_text(self._glyphs, self._surface, self._page)
        layout = Layout(self.pageno, self._pen.bbox)
        for glyph in chosen.glyphs:
            layout.add(glyph.char)
        layout.analyze(LAYOUT)
        boxes = [item.get_text() for item in layout if isinstance(item, LTTextBox)]
        self.text = PageText("\n".join(boxes), chosen.hidden_removed, chosen.from_scan)

    def begin_figure(self, name: str, bbox: Rect, matrix: Matrix) -> None:
        """Paint a form straight on the page, for the layout to see one page."""

    def end_figure(self, _: str) -> None:
        """End a form."""

    def render_image(self, name: str, stream: PDFStream) -> None:
        """Remember where a picture lies."""
        masked = any(key in stream.attrs for key in ("SMask", "Mask", "ImageMask", "IM"))
        self._add_area(UNIT_SQUARE, self.picture_state, known_color=False, is_solid=not masked, is_picture=True)

    def paint_shading(self, state: GraphicState) -> None:
        """Remember where a shading lies: wherever its clipping path lets it."""
        box = self._page.cut(state.clip)
        corners = ((box.left, box.bottom), (box.right, box.bottom), (box.right, box.top), (box.left, box.top))
        self._painted += 1
        self._surface.add(Area(self._painted, box, corners, None, is_opaque=False))

    def paint_path(
        self, gstate: PDFGraphicState, stroke: bool, fill: bool, evenodd: bool, path: Sequence[PathSegment]
    ) -> None:
        """Remember a filled path, each of its parts as an area of its own."""
        assert isinstance(gstate, GraphicState)
        if not fill:
            return
        outline: list[Point] = []
        for operator, *numbers in path:
            if operator == "m" and outline:
                self._add_area(outline, gstate)
                outline = []
            if operator != "h":
                outline.append((float(numbers[-2]), float(numbers[-1])))
        if outline:
            self._add_area(outline, gstate)

    def render_string(
        self, textstate: PDFTextState, seq: PDFTextSeq, ncs: PDFColorSpace, graphicstate: PDFGraphicState
    ) -> None:
        """Paint text."""
        self._text_mode = textstate.render
        super().render_string(textstate, seq, ncs, graphicstate)

    def render_char(
        self,
        matrix: Matrix,
        font: PDFFont,
        fontsize: float,
        scaling: float,
        rise: float,
        cid: int,
        ncs: PDFColorSpace,
        graphicstate: PDFGraphicState,
    ) -> float:
        """Remember one glyph; return how far it moves the pen."""
        assert isinstance(graphicstate, GraphicState)
        advance = super().render_char(matrix, font, fontsize, scaling, rise, cid, ncs, graphicstate)
        char = self._pen.char
        # A Type 3 font may be drawn at any nominal size; only its box tells.
        points = char.size if isinstance(font, PDFType3Font) else abs(fontsize) * hypot(matrix[2], matrix[3])
        self._painted += 1
        if char.get_text():
            self._glyphs.append(Glyph(char, self._painted, self._text_mode, points, graphicstate))
        return advance

    def handle_undefined_char(self, font: PDFFont, cid: int) -> str:
        """Return the bullet of WinAnsiEncoding's free codes, and nothing for what has no known character."""
        return "•" if cid in WIN_ANSI_BULLETS and not isinstance(font, PDFCIDFont) else ""

    def _add_area(
        self,
        outline: Sequence[Point],
        state: GraphicState,
        *,
        known_color: bool = True,
        is_solid: bool = True,
        is_picture: bool = False,
    ) -> None:
        if state.fill_alpha < MIN_ALPHA:
            return
        corners = tuple(apply_matrix_pt(self.ctm, point) for point in outline)
        is_opaque = is_solid and state.fill_alpha >= OPAQUE_ALPHA and not state.is_blended
        color = to_rgb(state.ncolor, state.ncs) if known_color and is_opaque else None
        is_opaque = is_opaque and (is_picture or color is not None)
        self._painted += 1
        box = Box.around(corners).cut(state.clip)
        self._surface.add(Area(self._painted, box, corners, color, is_opaque, is_picture))
