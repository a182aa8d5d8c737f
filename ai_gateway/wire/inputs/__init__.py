"""What a request puts into the model's context, format by format: texts, images, files, tools."""

from ai_gateway.wire.inputs.dispatch import read_input
from ai_gateway.wire.inputs.parts import Input

__all__ = ["Input", "read_input"]
