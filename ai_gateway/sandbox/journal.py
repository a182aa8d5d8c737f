"""What requests reached the sandbox, per API key: tests assert how often a provider was asked, and what it counted."""

from collections import OrderedDict, deque
from dataclasses import asdict, dataclass
from typing import Any, Literal

Outcome = Literal["open", "answered", "refused", "cut", "client_left"]

_MAX_KEYS = 1000
_MAX_ENTRIES_PER_KEY = 5000


@dataclass
class Entry:
    """One request. No text of it is kept.

    ``tool`` is what the answer had to call. ``counted`` is what the answer really holds, ``reported`` what the answer
    said: they differ under a fault.
    """

    request_id: str
    path: str
    model: str = ""
    stream: bool = False
    schema_name: str = ""
    tool: str = ""
    images: int = 0
    files: int = 0
    media_seconds: float | None = None
    max_tokens: int | None = None
    client_request_id: str | None = None
    fault: str | None = None
    status: int | None = None
    outcome: Outcome = "open"
    counted: dict[str, int] | None = None
    reported: dict[str, int] | None = None
    chunks_sent: int = 0


class Journal:
    """The requests of all keys, in the order in which they arrived; old ones are forgotten."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, deque[Entry]] = OrderedDict()

    def add(self, key: str, entry: Entry) -> Entry:
        """Note a request and return its entry, which is filled in as the answer goes out."""
        self._entries.setdefault(key, deque(maxlen=_MAX_ENTRIES_PER_KEY)).append(entry)
        self._entries.move_to_end(key)
        while len(self._entries) > _MAX_KEYS:
            self._entries.popitem(last=False)
        return entry

    def list_entries(self, key: str) -> list[dict[str, Any]]:
        """Return the requests of a key."""
        return [asdict(entry) for entry in self._entries.get(key, ())]
