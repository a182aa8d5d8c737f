"""Server-sent events: where one ends, and what it says. Bytes in, the same bytes out."""

import re
from collections.abc import Iterator

from ai_gateway.providers.answers import garbled

# A line end, twice; the atomic group keeps one \r\n from being taken for two.
_EVENT_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LONGEST_END = 4
# Far above any event; a server that sends no line end must not fill the memory.
_MOST_BYTES = 32_000_000


class EventBuffer:
    """Cuts a stream into whole events, however its bytes arrive."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """Return all events that are complete now, as they came. Raises ``ProviderGarbledAnswer``.

        A lone ``\\r`` at the end waits for the next byte: it may be half of a line end.
        """
        rest = self._rest
        if not rest and chunk.endswith(b"\n\n"):
            return chunk
        searched = max(len(rest) - _LONGEST_END, 0)
        rest += chunk
        end = 0
        for match in _EVENT_END.finditer(rest, searched):
            if match.end() < len(rest) or rest[-1] != 0x0D:
                end = match.end()
        if len(rest) - end > _MOST_BYTES:
            raise garbled(provider="The provider", request_id="", usage=None)
        whole = bytes(rest[:end])
        del rest[:end]
        return whole

    def finish(self) -> bytes:
        """Return what arrived after the last whole event."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest


def split_events(data: bytes) -> Iterator[bytes]:
    """Yield each event with the blank line that ends it, and what stands after the last."""
    start = 0
    for match in _EVENT_END.finditer(data):
        yield data[start : match.end()]
        start = match.end()
    if start < len(data):
        yield data[start:]


def read_data(event: bytes) -> bytes:
    """Return the data of an event, its lines joined; empty for comments and the like."""
    if event.startswith(b"data: {") and event.find(b"\n") >= len(event) - 2:  # one line: nearly all of them
        return event[6:].strip()
    lines = event.removeprefix(b"\xef\xbb\xbf").splitlines()
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))


def write_event(data: bytes, name: str = "") -> bytes:
    """Return an event of one line of data."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data) if name else b"data: %b\n\n" % data
