"""Find the way from a caller's format to a provider's."""

from ai_gateway.providers.types import ProviderKind
from ai_gateway.wire.chat import ChatExchange
from ai_gateway.wire.embeddings import EmbeddingsExchange
from ai_gateway.wire.messages import MessagesExchange
from ai_gateway.wire.responses import ResponsesExchange
from ai_gateway.wire.translation import translate_chat, translate_messages
from ai_gateway.wire.types import Asked, Exchange, FormatName, RequestRefused

# Most compatible servers speak Responses by now; one that does not says 404.
_SameFormat = ChatExchange | ResponsesExchange | EmbeddingsExchange | MessagesExchange
_SAME_FORMAT: dict[ProviderKind, dict[FormatName, type[_SameFormat]]] = {
    "openai": {"chat": ChatExchange, "responses": ResponsesExchange, "embeddings": EmbeddingsExchange},
    "compatible": {"chat": ChatExchange, "responses": ResponsesExchange, "embeddings": EmbeddingsExchange},
    "anthropic": {"messages": MessagesExchange},
}


def open_exchange(asked: Asked, kind: ProviderKind, model: str = "") -> Exchange:
    """Return the way of ``asked`` to a provider of that kind; raises ``RequestRefused`` where there is none.

    ``model`` is the provider's own name of the model, by which tokens are counted; without it, the caller's.
    """
    name = model or asked.model
    same = _SAME_FORMAT[kind].get(asked.format)
    if same is not None:
        return same(asked, kind, name)
    if asked.format == "chat":
        return translate_chat(asked, kind, name)
    if asked.format == "messages":
        return translate_messages(asked, kind, name)
    message = f"The model {asked.model!r} cannot be asked through /v1/{asked.format}: use its own provider's endpoint."
    raise RequestRefused("unsupported_translation", message, "model")
