"""The sandbox as the provider of the AI steps; wake-ups are noted instead of sent."""

import pytest

from ai_gateway import driving
from applications.services import waking
from tests.ai_gateway.conftest import running_sandbox, upstream

__all__ = ["running_sandbox", "upstream"]


@pytest.fixture(autouse=True)
def wake_ups(monkeypatch) -> list[str]:
    """Note the wake-ups that would go to the broker."""
    sent: list[str] = []
    monkeypatch.setattr(waking.current_app, "send_task", lambda name, **_options: sent.append(name))
    return sent


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch):
    """Let the gateway try again at once: what is tested is what it does, not how long it waits."""
    monkeypatch.setattr(driving.time, "sleep", lambda _seconds: None)


@pytest.fixture(autouse=True)
def empty_storage(settings):
    """Give every test a storage of its own: it is made anew when its setting is set."""
    settings.STORAGES = {**settings.STORAGES}
