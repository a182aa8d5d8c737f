"""The sandbox as an ASGI application.

Provider endpoints: ``POST /v1/chat/completions``, ``/v1/responses``, ``/v1/embeddings``,
``/v1/audio/transcriptions``, ``/v1/messages``, ``/v1/messages/count_tokens``; ``GET /v1/models``. Its own:
``GET /healthz``, ``POST`` and ``DELETE /sandbox/faults``, ``GET /sandbox/requests``. Any key is accepted but
``wrong-key``. Run it in one process: faults live in its memory.
"""

import asyncio
from collections.abc import Mapping
from uuid import uuid4

from ai_gateway.sandbox import control
from ai_gateway.sandbox.exchange import Exchange, Sandbox, read_json_object
from ai_gateway.sandbox.faults import FaultQueues
from ai_gateway.sandbox.http import BodyTooLarge, ClientLeft, Connection, Message, Receive, Send
from ai_gateway.sandbox.journal import Journal
from ai_gateway.sandbox.tokens_count import count_tokens
from ai_gateway.sandbox.wire import models_list
from ai_gateway.sandbox.wire.anthropic_messages import MessagesDialect
from ai_gateway.sandbox.wire.call import Dialect
from ai_gateway.sandbox.wire.errors import ApiError
from ai_gateway.sandbox.wire.openai_chat import ChatDialect
from ai_gateway.sandbox.wire.openai_embeddings import EmbeddingsDialect
from ai_gateway.sandbox.wire.openai_responses import ResponsesDialect
from ai_gateway.sandbox.wire.openai_transcriptions import TranscriptionsDialect

WRONG_KEY = "wrong-key"
MODELS_PATH = "/v1/models"
COUNT_TOKENS_PATH = "/v1/messages/count_tokens"

_CHAT, _MESSAGES = ChatDialect(), MessagesDialect()
_DIALECTS: Mapping[str, Dialect] = {
    "/v1/chat/completions": _CHAT,
    "/v1/responses": ResponsesDialect(),
    "/v1/embeddings": EmbeddingsDialect(),
    "/v1/audio/transcriptions": TranscriptionsDialect(),
    "/v1/messages": _MESSAGES,
}


class SandboxApp:
    """The application; each instance has faults and a journal of its own."""

    def __init__(self) -> None:
        self._sandbox = Sandbox(FaultQueues(), Journal())

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await _serve_lifespan(receive, send)
        elif scope["type"] == "http":
            connection = Connection(scope, receive, send)
            try:
                await self._serve(connection)
            except ClientLeft:
                pass  # nobody is left to answer
            except asyncio.CancelledError:
                await connection.cut()  # the server stops while a request hangs on purpose
            finally:
                connection.close()

    async def _serve(self, connection: Connection) -> None:
        try:
            body = await connection.read_body()
            if connection.path == "/healthz":
                await connection.send_json(200, {"status": "ok", "provider": "sandbox", "answers": "rules, not AI"}, {})
                return
            await self._route(connection, _read_key(connection), body)
        except BodyTooLarge:
            await _refuse(connection, ApiError("too_large", "The request is too large."))
        except ApiError as error:
            await _refuse(connection, error)

    async def _route(self, connection: Connection, key: str, body: bytes) -> None:
        path, is_post = connection.path, connection.method == "POST"
        dialect = _DIALECTS.get(path)
        if path.startswith(control.PREFIX):
            await control.serve_control(self._sandbox, connection, key, body)
        elif dialect is not None and is_post:
            await Exchange(self._sandbox, dialect, connection, key).serve(body)
        elif path == COUNT_TOKENS_PATH and is_post:
            call = _MESSAGES.read_counted(read_json_object(body), connection.headers)
            await connection.send_json(200, {"input_tokens": call.input_tokens}, _MESSAGES.headers(uuid4().hex, 0))
        elif path == MODELS_PATH or path.startswith(f"{MODELS_PATH}/"):
            await _send_models(connection)
        else:
            raise ApiError("not_found", f"Invalid URL ({connection.method} {path})")


def _read_key(connection: Connection) -> str:
    """Return the caller's key from either provider's header; raise ``ApiError``."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else connection.headers.get("x-api-key", "")
    if not key:
        raise ApiError("authentication", "You didn't provide an API key.")
    if key == WRONG_KEY:
        raise ApiError("authentication", f"Incorrect API key provided: {WRONG_KEY}.")
    return key


async def _send_models(connection: Connection) -> None:
    asked = connection.path.removeprefix(MODELS_PATH).lstrip("/")
    if _speaks_anthropic(connection):
        found = models_list.write_anthropic_model(asked) if asked else models_list.write_anthropic_models()
    else:
        found = models_list.write_openai_model(asked) if asked else models_list.write_openai_models()
    await connection.send_json(200, found, _dialect_of(connection).headers(uuid4().hex, 0))


async def _refuse(connection: Connection, error: ApiError) -> None:
    dialect, request_id = _dialect_of(connection), uuid4().hex
    status, body, headers = dialect.write_error(error, request_id)
    await connection.send_json(status, body, {**dialect.headers(request_id, 0), **headers})


def _speaks_anthropic(connection: Connection) -> bool:
    return connection.path.startswith("/v1/messages") or "anthropic-version" in connection.headers


def _dialect_of(connection: Connection) -> Dialect:
    return _MESSAGES if _speaks_anthropic(connection) else _CHAT


async def _serve_lifespan(receive: Receive, send: Send) -> None:
    """Load the tokenizer before the first request has to wait for it."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            count_tokens("")
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return


app = SandboxApp()
