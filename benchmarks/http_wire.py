"""As much of HTTP/1.1 as the benchmark's own ends need: where a message ends."""


def find_request_end(received: bytearray) -> int | None:
    """Return where the first request ends; None while a part is missing."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    end = head + 4 + _content_length(received[:head])
    return end if len(received) >= end else None


def is_answer_complete(received: bytearray) -> bool:
    """Tell whether an answer has arrived to its end, whole or chunked."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return False
    if b"chunked" in received[:head].lower():
        return received.endswith(b"\r\n0\r\n\r\n")
    return len(received) >= head + 4 + _content_length(received[:head])


def _content_length(head: bytearray) -> int:
    lines = head.lower()
    at = lines.find(b"content-length:")
    return 0 if at < 0 else int(lines[at + 15 :].split(b"\r\n", 1)[0])
