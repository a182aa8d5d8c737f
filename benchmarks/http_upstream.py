"""A provider that answers at once and says always the same: as little work as a server can do.

Chat completions, whole or streamed. The model ``bench-slow`` streams an event every half second, 20 of them.
"""

import asyncio
import os
import sys

import uvloop

from benchmarks.http_wire import find_request_end

_USAGE = b'{"prompt_tokens":20,"completion_tokens":10,"total_tokens":30}'
_WHOLE = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"bench","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"This is an answer of about ten tokens in all."},"finish_reason":"stop"}],'
    b'"usage":' + _USAGE + b"}"
)
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(_WHOLE), _WHOLE)
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_EVENTS = 20
_SLOW_SECONDS = 0.5


def _chunk(data: bytes) -> bytes:
    event = b"data: %b\n\n" % data
    return b"%x\r\n%b\r\n" % (len(event), event)


_PIECE = _chunk(
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"bench",'
    b'"choices":[{"index":0,"delta":{"content":"some words "},"finish_reason":null}],"usage":null}'
)
_ENDING = (
    _chunk(
        b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"bench",'
        b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}'
    )
    + _chunk(
        b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"bench","choices":[],"usage":'
        + _USAGE
        + b"}"
    )
    + _chunk(b"[DONE]")
    + b"0\r\n\r\n"
)


class Upstream(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._received = bytearray()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := find_request_end(self._received)) is not None:
            body = self._received[:end]
            del self._received[:end]
            self._answer(body)

    def _answer(self, request: bytearray) -> None:
        if b'"stream":true' not in request[-400:]:
            self._transport.write(_ANSWER)
        elif b"bench-slow" in request:
            self._transport.write(_STREAM_HEAD)
            self._write_slowly(_EVENTS)
        else:
            self._transport.write(_STREAM_HEAD + _PIECE)
            asyncio.get_running_loop().call_soon(self._transport.write, _PIECE * (_EVENTS - 1) + _ENDING)

    def _write_slowly(self, left: int) -> None:
        if self._transport.is_closing():
            return
        if left == 0:
            self._transport.write(_ENDING)
            return
        self._transport.write(_PIECE)
        asyncio.get_running_loop().call_later(_SLOW_SECONDS, self._write_slowly, left - 1)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[2])})
    uvloop.run(_serve(int(sys.argv[1])))
