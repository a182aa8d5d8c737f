"""Embeddings, of OpenAI and of the servers that speak its format."""

from ai_gateway.providers.answers import read_model
from ai_gateway.providers.usage import read_embeddings_usage
from ai_gateway.wire.json_text import read_object, write_json
from ai_gateway.wire.same_format import MeteredRequest, garbled_answer
from ai_gateway.wire.types import Reply


class EmbeddingsExchange(MeteredRequest):
    """Embeddings passed on as they are: input only, never streamed."""

    path = "embeddings"

    def write_request(self, model: str, output_limit: int) -> bytes:
        """Return the body; there is no output to limit."""
        own = {"stream", "metadata", "service_tier"}
        return write_json(
            {**{name: value for name, value in self.asked.body.items() if name not in own}, "model": model}
        )

    def read_answer(self, body: bytes) -> Reply:
        """Read a list of vectors. Raises ``ProviderGarbledAnswer``."""
        payload = read_object(body)
        usage = read_embeddings_usage(payload.get("usage"))
        if not isinstance(payload.get("data"), list):
            raise garbled_answer(payload, usage)
        return Reply(
            body=body,
            usage=usage or self.count_usage(()),
            model=read_model(payload, self.model),
            finish_reason="stop",
            service_tier="",
        )
