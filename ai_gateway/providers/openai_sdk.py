"""What all that speaks through OpenAI's SDK has in common."""

import openai

from ai_gateway.providers.adapter import Adapter
from ai_gateway.providers.addresses import DEFAULT_ADDRESSES


class OpenAIAdapter(Adapter):
    """A provider behind OpenAI's SDK: OpenAI, or a server that speaks one of its formats."""

    sdk_client = openai.OpenAI
    async_sdk_client = openai.AsyncOpenAI
    sdk_error = openai.OpenAIError
    sdk_status_error = openai.APIStatusError

    @staticmethod
    def address(base_url: str | None) -> str:
        """Return the address, OpenAI's own if none is set."""
        return base_url or DEFAULT_ADDRESSES["openai"]
