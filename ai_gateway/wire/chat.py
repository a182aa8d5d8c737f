"""Chat completions, of OpenAI and of the servers that speak its format."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ai_gateway.providers.answers import read_model, read_tier
from ai_gateway.providers.types import Usage
from ai_gateway.providers.usage import read_chat_usage, read_llama_timings
from ai_gateway.wire.json_text import read_object, write_json
from ai_gateway.wire.same_format import EventReader, MeteredRequest, garbled_answer
from ai_gateway.wire.types import Reply

FINISH_REASONS: Mapping[str, str] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "refusal",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


class ChatExchange(MeteredRequest):
    """A chat completion passed on as it is."""

    path = "chat/completions"

    def write_request(self, model: str, output_limit: int) -> bytes:
        """Return the body with the limit under the name that the server obeys.

        Some compatible servers ignore the newer name, which would leave the output unbounded, and strict ones refuse
        fields that they do not know. Metadata is Winnow's; OpenAI takes it only with ``store``.
        """
        own = {"max_tokens", "max_completion_tokens", "metadata", "store"}
        body = {name: value for name, value in self.asked.body.items() if name not in own}
        body["model"] = model
        if self.kind == "openai":
            body["max_completion_tokens"] = output_limit
            body["store"] = False
        else:
            body["max_tokens"] = output_limit
        if self.asked.stream:
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        return write_json(body)

    def read_answer(self, body: bytes) -> Reply:
        """Read a ``chat.completion``. Raises ``ProviderGarbledAnswer``."""
        payload = read_object(body)
        usage = read_any_usage(payload)
        choices = payload.get("choices")
        choices = choices if isinstance(choices, list) else []
        if not choices or not all(_has_message(choice) for choice in choices):
            raise garbled_answer(payload, usage)
        if usage is None:
            usage = self.count_usage(text for choice in choices for _, text in iter_written(choice["message"]))
        return Reply(
            body=body,
            usage=usage,
            model=read_model(payload, self.model),
            finish_reason=FINISH_REASONS.get(str(choices[0].get("finish_reason")), "other"),
            service_tier=read_tier(payload.get("service_tier")),
        )

    def open_stream(self) -> "ChatStream":
        """Begin to read chunks."""
        return ChatStream(self)


class ChatStream(EventReader):
    """Chunks of a chat completion.

    The chunk that carries only the usage is taken out unless the caller asked for it. The ``usage: null`` that the
    others then carry stays: it is what the SDKs show for a chunk without usage, and taking it out would mean to
    rewrite each chunk.
    """

    # White space, and the beginning of another line of data.
    _GAP = rb"\s*(?:data:\s*)*"
    telling = re.compile(
        rb'"(?:usage|error|timings)"%b:%b[{"]|"finish_reason"%b:%b"|\[DONE\]' % (_GAP, _GAP, _GAP, _GAP)
    )

    def __init__(self, request: MeteredRequest) -> None:
        super().__init__(request)
        self._finished: set[object] = set()

    def finish(self) -> bytes:
        """Take the end of the connection; some servers leave out the ``[DONE]``."""
        rest = super().finish()
        if len(self._finished) >= self._request.asked.choices and self.error is None:
            self.is_complete = True
        return rest

    def take(self, payload: Mapping[str, Any]) -> bool:
        """Learn usage, tier, errors and how each choice ended."""
        self._take_usage(read_any_usage(payload))
        self._take_tier(payload.get("service_tier"))
        error = payload.get("error")
        if error:
            self.error = error if isinstance(error, Mapping) else {"message": str(error)}
        choices = payload.get("choices") or []
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, Mapping) and choice.get("finish_reason"):
                self._finished.add(choice.get("index"))
                self.finish_reason = FINISH_REASONS.get(str(choice["finish_reason"]), "other")
        is_only_usage = choices == [] and payload.get("usage") is not None
        return self._request.asked.wants_usage or not is_only_usage

    def produced(self, payload: Mapping[str, Any]) -> Iterator[tuple[object, str]]:
        """Yield text, reasoning and arguments of tool calls of all choices."""
        choices = payload.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            delta = choice.get("delta") if isinstance(choice, Mapping) else None
            if isinstance(delta, Mapping):
                yield from (((choice.get("index"), place), text) for place, text in iter_written(delta))


def _has_message(choice: object) -> bool:
    return isinstance(choice, Mapping) and isinstance(choice.get("message"), Mapping)


def read_any_usage(payload: Mapping[str, Any]) -> Usage | None:
    """Return the usage in OpenAI's object, else in llama.cpp's own."""
    return read_chat_usage(payload.get("usage")) or read_llama_timings(payload.get("timings"))


def iter_written(message: Mapping[str, Any]) -> Iterator[tuple[object, str]]:
    """Yield all that the model wrote in a message or a piece of one, its open reasoning included."""
    reasoning = "reasoning_content" if message.get("reasoning_content") else "reasoning"  # some servers send both
    for name in (reasoning, "content", "refusal"):
        if isinstance(text := message.get(name), str):
            yield name, text
    calls = message.get("tool_calls")
    for number, call in enumerate(calls if isinstance(calls, list) else []):
        if isinstance(call, Mapping):
            place = call.get("index", number)
            yield from _iter_call((call.get("function"), call.get("custom")), place)
    yield from _iter_call((message.get("function_call"),), "function_call")


def _iter_call(forms: tuple[object, ...], place: object) -> Iterator[tuple[object, str]]:
    for form in forms:
        if isinstance(form, Mapping):
            written = ((name, form.get(name)) for name in ("name", "arguments", "input"))
            yield from (((place, name), text) for name, text in written if isinstance(text, str))
