"""One request to a model: read it, misbehave if told to, answer whole or as a stream, and note what happened."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from ai_gateway.sandbox.answering import Answer, answer
from ai_gateway.sandbox.faults import Fault, FaultQueues
from ai_gateway.sandbox.http import ClientLeft, Connection
from ai_gateway.sandbox.journal import Entry, Journal
from ai_gateway.sandbox.json_schema import NoInstance
from ai_gateway.sandbox.misbehaving import (
    DISTURBS_STREAM,
    GARBAGE,
    disturb_answer,
    disturb_usage,
    find_refusal,
    find_stream_error,
)
from ai_gateway.sandbox.tokens_count import split_by_tokens
from ai_gateway.sandbox.wire.call import Call, Dialect, Reply, StreamEvent, Usage
from ai_gateway.sandbox.wire.errors import ApiError
from ai_gateway.sandbox.wire.openai_transcriptions import read_form

_TOKENS_PER_PIECE = 8
_HANG_SECONDS = 600.0


@dataclass
class Sandbox:
    """What the sandbox remembers between requests."""

    faults: FaultQueues
    journal: Journal


class Exchange:
    """The life of one request to a model."""

    def __init__(self, sandbox: Sandbox, dialect: Dialect, connection: Connection, key: str) -> None:
        self._sandbox = sandbox
        self._dialect = dialect
        self._connection = connection
        self._key = key
        self._started = time.monotonic()
        client_request_id = connection.headers.get("x-client-request-id")
        entry = Entry(uuid4().hex, connection.path, client_request_id=client_request_id)
        self._entry = sandbox.journal.add(key, entry)

    async def serve(self, body: bytes) -> None:
        """Answer a request."""
        try:
            await self._answer(self._read_body(body))
        except ApiError as error:
            await self._refuse(error)
        except NoInstance as problem:
            await self._refuse(ApiError("invalid", f"The sandbox cannot answer in this schema: {problem}."))
        except ClientLeft:
            self._entry.outcome = "client_left"

    def _read_body(self, body: bytes) -> Mapping[str, Any]:
        content_type = self._connection.headers.get("content-type", "")
        return read_form(body, content_type) if content_type.startswith("multipart/") else read_json_object(body)

    async def _answer(self, body: Mapping[str, Any]) -> None:
        call = self._dialect.read_call(body, self._connection.headers)
        self._note_call(call)
        fault = self._sandbox.faults.take(self._key, self._entry.schema_name)
        self._entry.fault = fault.kind if fault else None
        if fault is not None and await self._fails_first(fault, call):
            return
        reply = self._make_reply(call, fault)
        self._entry.status = 200
        if call.stream:
            await self._send_stream(call, reply, fault)
        else:
            await self._send_body(call, reply, fault)

    def _note_call(self, call: Call) -> None:
        self._entry.model, self._entry.stream = call.model, call.stream
        self._entry.images, self._entry.files = call.images, call.files
        self._entry.media_seconds = call.media_seconds
        if call.question is not None:
            self._entry.schema_name, self._entry.max_tokens = call.question.schema_name, call.question.max_tokens
            self._entry.tool = call.question.tool.name if call.question.tool else ""

    async def _fails_first(self, fault: Fault, call: Call) -> bool:
        """Do what a fault does before any answer, and tell whether that was all."""
        refusal = find_refusal(fault, streams=call.stream)
        if refusal is not None:
            raise refusal
        if fault.kind == "delay":
            await self._connection.wait(fault.seconds)
        elif fault.kind == "garbage":
            self._entry.status, self._entry.outcome = 200, "answered"
            await self._connection.send_whole(200, GARBAGE, fault.content_type, self._headers())
            return True
        elif fault.kind == "disconnect" or (fault.kind == "hang" and (fault.after_chunks is None or not call.stream)):
            await self._hang_or_cut(fault)
            return True
        return False

    async def _hang_or_cut(self, fault: Fault) -> None:
        if fault.kind == "hang":
            await self._connection.wait(_HANG_SECONDS)
        self._entry.outcome = "cut"
        await self._connection.cut()

    def _make_reply(self, call: Call, fault: Fault | None) -> Reply:
        written = disturb_answer(fault, answer(call.question)) if call.question else Answer("", 0, "stop")
        counted = Usage(call.input_tokens, written.tokens * call.choices)
        reported = disturb_usage(fault, counted)
        self._entry.counted = asdict(counted)
        self._entry.reported = asdict(reported) if reported else None
        return Reply(
            request_id=self._entry.request_id,
            created=int(time.time()),
            answer=written,
            pieces=tuple(split_by_tokens(written.text, _TOKENS_PER_PIECE)) if call.stream else (),
            usage=reported,
            usage_with_every_chunk=fault is not None and fault.kind == "cumulative_usage",
        )

    async def _send_body(self, call: Call, reply: Reply, fault: Fault | None) -> None:
        body = json.dumps(self._dialect.write_body(call, reply), ensure_ascii=False).encode()
        if fault is not None and fault.kind == "stream_cut":
            await self._connection.start(200, "application/json", {**self._headers(), "content-length": str(len(body))})
            await self._connection.write(body[: len(body) // 2])
            await self._hang_or_cut(fault)
            return
        await self._connection.send_whole(200, body, "application/json", self._headers())
        self._entry.outcome = "answered"

    async def _send_stream(self, call: Call, reply: Reply, fault: Fault | None) -> None:
        await self._connection.start(200, "text/event-stream; charset=utf-8", self._headers())
        for event in self._dialect.write_stream(call, reply):
            if fault is not None and self._is_due(fault, event, len(reply.pieces) * call.choices):
                if fault.kind != "error_event":
                    await self._hang_or_cut(fault)
                    return
                await self._connection.write(self._dialect.write_stream_error(find_stream_error(fault), reply))
                break
            if fault is not None and fault.kind == "slow_stream" and event.is_piece:
                await self._connection.wait(fault.seconds)
            await self._connection.write(event.data)
            self._entry.chunks_sent += event.is_piece
        self._entry.outcome = "answered"
        await self._connection.finish()

    def _is_due(self, fault: Fault, event: StreamEvent, pieces: int) -> bool:
        """Tell whether a stream is disturbed before an event: at the piece asked for, at the latest after the last."""
        if fault.kind not in DISTURBS_STREAM:
            return False
        sent = self._entry.chunks_sent
        return sent >= fault.chunks if event.is_piece else 0 < pieces == sent

    async def _refuse(self, error: ApiError) -> None:
        status, body, headers = self._dialect.write_error(error, self._entry.request_id)
        self._entry.status, self._entry.outcome = status, "refused"
        await self._connection.send_json(status, body, {**self._headers(), **headers})

    def _headers(self) -> dict[str, str]:
        return self._dialect.headers(self._entry.request_id, time.monotonic() - self._started)


def read_json_object(body: bytes) -> Mapping[str, Any]:
    """Read a request body; raise ``ApiError`` unless it is a JSON object."""
    try:
        value = json.loads(body)
    except ValueError:
        raise ApiError("invalid", "We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise ApiError("invalid", "The body of your request must be a JSON object.")
    return value
