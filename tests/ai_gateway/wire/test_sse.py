import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.providers.errors import ProviderGarbledAnswer
from ai_gateway.wire import sse
from ai_gateway.wire.sse import EventBuffer, read_data, split_events

LINE_ENDS = [b"\n", b"\r\n", b"\r"]


@st.composite
def streams(draw) -> list[bytes]:
    """Events with their ends, of any mixture of line ends, with comments and several lines of data."""
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=8).map(str.encode)
    events = []
    for _ in range(draw(st.integers(1, 5))):
        end = draw(st.sampled_from(LINE_ENDS))
        lines = draw(
            st.lists(
                st.one_of(text.map(b"data: ".__add__), text.map(b": ".__add__), text.map(b"event: ".__add__)),
                min_size=1,
                max_size=3,
            )
        )
        events.append(end.join(lines) + end + end)
    return events


@given(streams(), st.data())
def test_events_are_whole_and_the_same_however_the_bytes_arrive(events, data):
    stream = b"".join(events)
    buffer, received, at = EventBuffer(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, 7))
        received.append(buffer.feed(stream[at : at + size]))
        at += size
    received.append(buffer.finish())
    assert b"".join(received) == stream
    assert list(split_events(stream)) == events


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_an_event_is_passed_on_with_its_last_byte(end):
    event = b"data: {}" + end + end
    buffer = EventBuffer()
    parts = [buffer.feed(event[index : index + 1]) for index in range(len(event))]
    assert parts == [b""] * (len(event) - 1) + [event]


def test_a_lone_carriage_return_waits_for_its_line_feed():
    buffer = EventBuffer()
    assert buffer.feed(b"data: 1\r\n\r") == b""
    assert buffer.feed(b"\ndata: 2\r\r") == b"data: 1\r\n\r\n"
    assert buffer.finish() == b"data: 2\r\r"


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: {}\n\n", b"{}"),
        (b"data:{}\r\n\r\n", b"{}"),
        (b'event: x\ndata: {"a":\ndata: 1}\nid: 4\n\n', b'{"a":\n1}'),
        (b'data: {"a":\ndata: 1}\n\n', b'{"a":\n1}'),
        (b": ping\n\n", b""),
        (b"\xef\xbb\xbfdata: 1\n\n", b"1"),
        (b"", b""),
    ],
)
def test_the_data_of_an_event_is_read(event, data):
    assert read_data(event) == data


def test_a_stream_without_line_ends_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(sse, "_MOST_BYTES", 1_000)
    buffer = EventBuffer()
    buffer.feed(b"x" * 1_000)
    with pytest.raises(ProviderGarbledAnswer):
        buffer.feed(b"x")
