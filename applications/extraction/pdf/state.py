"""The graphics state, with what decides whether something painted is seen."""

from __future__ import annotations

from pdfminer.pdfinterp import PDFGraphicState

from applications.extraction.pdf.geometry import Box


class GraphicState(PDFGraphicState):
    """pdfminer's graphics state, and transparency and the box of the clipping path."""

    def __init__(self) -> None:
        super().__init__()
        self.fill_alpha = 1.0
        self.is_blended = False
        self.clip: Box | None = None

    def copy(self) -> GraphicState:
        """Return a state of its own with the same values."""
        state = GraphicState()
        state.__dict__.update(self.__dict__)
        return state
