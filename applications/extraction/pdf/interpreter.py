"""pdfminer's interpreter, taught the parts of the graphics state that decide whether text is seen."""

from __future__ import annotations

from typing import cast

from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager, PDFStackT
from pdfminer.pdftypes import dict_value, resolve1
from pdfminer.psparser import PSLiteral, literal_name
from pdfminer.utils import Matrix, apply_matrix_pt

from applications.extraction.pdf.canvas import Canvas
from applications.extraction.pdf.geometry import Box, Point
from applications.extraction.pdf.state import GraphicState

NORMAL_BLEND_MODES = ("Normal", "Compatible")


class Interpreter(PDFPageInterpreter):
    """Executes a page's operators on a Canvas."""

    # pdfminer calls every do_* with as many operands as it has parameters, so their signatures are its own.
    device: Canvas
    graphicstate: GraphicState

    def __init__(self, resources: PDFResourceManager, canvas: Canvas) -> None:
        super().__init__(resources, canvas)
        self._inherited = GraphicState()

    def subinterp(self) -> Interpreter:
        """Let a form begin in the graphics state of its caller."""
        inner = cast(Interpreter, super().subinterp())
        inner._inherited = self.graphicstate
        return inner

    def init_state(self, ctm: Matrix) -> None:
        """Begin a page or form."""
        super().init_state(ctm)
        self.graphicstate = self._inherited.copy()

    def do_gs(self, name: PDFStackT) -> None:
        """Take transparency and blend mode from an extended graphics state."""
        states = dict_value(self.resources.get("ExtGState", {}))
        extended = dict_value(states.get(literal_name(name), {}))
        alpha, blend = resolve1(extended.get("ca")), resolve1(extended.get("BM"))
        if isinstance(alpha, int | float):
            self.graphicstate.fill_alpha = float(alpha)
        if isinstance(blend, PSLiteral):
            self.graphicstate.is_blended = literal_name(blend) not in NORMAL_BLEND_MODES
        elif blend is not None:  # a list of modes to choose from
            self.graphicstate.is_blended = True

    def do_W(self) -> None:
        """Clip to the current path, of which only the box is kept."""
        points = [
            apply_matrix_pt(self.ctm, cast(Point, segment[i : i + 2]))
            for segment in self.curpath
            for i in range(1, len(segment), 2)
        ]
        self.graphicstate.clip = Box.around(points).cut(self.graphicstate.clip)

    def do_W_a(self) -> None:
        """Clip to the current path by the even-odd rule."""
        self.do_W()

    def do_sh(self, name: object) -> None:
        """Paint a shading over the clipped area: its colours vary."""
        self.device.paint_shading(self.graphicstate)

    def do_Do(self, xobjid_arg: PDFStackT) -> None:
        """Paint a form or picture."""
        self.device.picture_state = self.graphicstate
        super().do_Do(xobjid_arg)
        self.device.set_ctm(self.ctm)  # a form leaves its own behind

    def do_EI(self, obj: PDFStackT) -> None:
        """Paint an inline picture."""
        self.device.picture_state = self.graphicstate
        super().do_EI(obj)
