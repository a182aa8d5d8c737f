"""Servers that speak OpenAI's chat format: vLLM, llama.cpp, Ollama, LM Studio and many hosted ones."""

from typing import Any, ClassVar

from ai_gateway.providers.openai_chat import OpenAIChat, basic_parameters
from ai_gateway.providers.types import ProviderKind, ProviderRequest


class CompatibleChat(OpenAIChat):
    """An OpenAI-compatible server at an address that staff set."""

    kind: ClassVar[ProviderKind] = "compatible"

    @staticmethod
    def parameters(request: ProviderRequest) -> dict[str, Any]:
        """Return the body in the older, common dialect.

        ``max_tokens`` is the limit that all of them obey; some ignore the newer name, which would leave
        the output unbounded, and the strict ones refuse fields that they do not know.
        """
        return {**basic_parameters(request), "max_tokens": request.max_output_tokens}
