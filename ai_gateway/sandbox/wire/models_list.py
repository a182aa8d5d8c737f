"""The list of models, in both providers' formats: ``GET /v1/models`` and ``GET /v1/models/<id>``."""

from typing import Any

MODEL = "sandbox-rules-1"


def write_openai_model(model: str) -> dict[str, Any]:
    """Write a model as OpenAI does; the sandbox answers under any name."""
    return {"id": model, "object": "model", "created": 0, "owned_by": "winnow-sandbox"}


def write_openai_models() -> dict[str, Any]:
    """Write the list as OpenAI does."""
    return {"object": "list", "data": [write_openai_model(MODEL)]}


def write_anthropic_model(model: str) -> dict[str, Any]:
    """Write a model as Anthropic does."""
    return {
        "type": "model",
        "id": model,
        "display_name": "Winnow sandbox (rules, not AI)",
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }


def write_anthropic_models() -> dict[str, Any]:
    """Write the list as Anthropic does."""
    return {"data": [write_anthropic_model(MODEL)], "has_more": False, "first_id": MODEL, "last_id": MODEL}
