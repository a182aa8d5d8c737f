"""Find the reader of a format's input."""

from collections.abc import Callable, Mapping
from typing import Any

from ai_gateway.wire.inputs.chat import read_chat_input
from ai_gateway.wire.inputs.embeddings import read_embeddings_input
from ai_gateway.wire.inputs.messages import read_messages_input
from ai_gateway.wire.inputs.parts import Input
from ai_gateway.wire.inputs.responses import read_responses_input
from ai_gateway.wire.types import FormatName

_READERS: Mapping[FormatName, Callable[[Mapping[str, Any]], Input]] = {
    "chat": read_chat_input,
    "responses": read_responses_input,
    "messages": read_messages_input,
    "embeddings": read_embeddings_input,
}


def read_input(format_name: FormatName, body: Mapping[str, Any]) -> Input:
    """Return the input of a body whose fields have been checked; nothing is decoded or tokenized yet."""
    return _READERS[format_name](body)
