"""A worker's turn: step after step, for a bounded time."""

import pytest

from applications.services.steps import working
from applications.services.steps.working import work_off_steps
from tests.applications.factories import ApplicationFactory
from tests.applications.hiring import states_of

pytestmark = pytest.mark.django_db


def test_without_work_a_turn_ends_at_once():
    assert work_off_steps(seconds=60) is False


def test_a_turn_takes_one_step_after_the_other(upstream):
    application = ApplicationFactory()

    assert work_off_steps(seconds=60) is False

    assert states_of(application) == ["succeeded"] * 4


def test_a_turn_that_is_over_leaves_the_rest_and_says_so(upstream, monkeypatch):
    application = ApplicationFactory()
    clock = iter([0.0, 0.0, 3.0, 6.0])
    monkeypatch.setattr(working, "monotonic", lambda: next(clock))

    assert work_off_steps(seconds=5) is True

    assert states_of(application) == ["succeeded", "succeeded", "ready", "blocked"]
