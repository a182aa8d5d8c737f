"""The input of an embeddings call."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.wire.inputs.parts import Input


def read_embeddings_input(body: Mapping[str, Any]) -> Input:
    """Read a text, a list of texts, a list of tokens, or lists of tokens."""
    given = body["input"]
    items = given if isinstance(given, list) else [given]
    if items and isinstance(items[0], int):
        items = [items]
    texts = [item for item in items if isinstance(item, str)]
    tokens = sum(len(item) for item in items if isinstance(item, list))
    return Input(texts=texts, tokens=tokens, inputs=len(items))
