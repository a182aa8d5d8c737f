"""How many tokens a request will take, before anybody is asked."""

from ai_gateway.estimating.images import bound_image_tokens, estimate_image_tokens
from ai_gateway.estimating.pdfs import estimate_pdf_tokens
from ai_gateway.estimating.requests import count_usage, estimate_input_tokens
from ai_gateway.estimating.texts import bound_text_tokens, guess_text_tokens
from ai_gateway.estimating.tools import count_tool_frames, estimate_tool_tokens, list_tool_texts
from ai_gateway.estimating.vocabularies import bound_tokens_by_bytes, count_tokens

__all__ = [
    "bound_image_tokens",
    "bound_text_tokens",
    "bound_tokens_by_bytes",
    "count_tokens",
    "count_tool_frames",
    "count_usage",
    "estimate_image_tokens",
    "estimate_input_tokens",
    "estimate_pdf_tokens",
    "estimate_tool_tokens",
    "guess_text_tokens",
    "list_tool_texts",
]
