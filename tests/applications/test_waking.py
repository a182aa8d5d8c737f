"""Wake-ups go to the broker in the background; a broker that is away bothers nobody."""

import threading

import pytest
from kombu.exceptions import OperationalError

from applications import tasks
from applications.services import waking
from applications.services.waking import wake_workers


@pytest.fixture(autouse=True)
def nothing_being_sent():
    yield
    with waking._sending:
        pass


def test_a_wake_up_names_the_task_of_the_steps(monkeypatch):
    sent = threading.Event()
    monkeypatch.setattr(waking.current_app, "send_task", lambda name, **_: sent.set() or names.append(name))
    names = []

    wake_workers()

    assert sent.wait(timeout=5)
    with waking._sending:
        assert names == [tasks.run_steps.name]


def test_nobody_waits_for_a_broker_that_does_not_answer(monkeypatch):
    answered, sent = threading.Event(), []

    def slow(name, **_options):
        sent.append(name)
        answered.wait(timeout=10)

    monkeypatch.setattr(waking.current_app, "send_task", slow)
    wake_workers()
    wake_workers()
    answered.set()

    with waking._sending:
        assert len(sent) == 1


@pytest.mark.parametrize("error", [OperationalError, ConnectionRefusedError, TimeoutError])
def test_a_broker_that_is_away_is_noted_and_the_next_wake_up_is_sent(monkeypatch, caplog, error):
    def refuse(_name, **_options):
        raise error

    monkeypatch.setattr(waking.current_app, "send_task", refuse)
    waking._sending.acquire()
    waking._send()

    assert "wake_up_not_sent" in caplog.text
    assert not waking._sending.locked()


def test_a_turn_that_ends_with_work_left_asks_for_another(monkeypatch):
    asked = []
    monkeypatch.setattr(tasks.run_steps, "delay", lambda: asked.append(1))

    monkeypatch.setattr(tasks, "work_off_steps", lambda seconds: False)
    tasks.run_steps()
    assert asked == []

    monkeypatch.setattr(tasks, "work_off_steps", lambda seconds: True)
    tasks.run_steps()
    assert asked == [1]
