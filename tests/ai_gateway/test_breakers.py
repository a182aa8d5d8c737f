"""The circuit breaker as a state machine, on a clock that tests move."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.breakers import Breaker, BreakerPolicy, get_breaker, list_breakers

POLICY = BreakerPolicy(failures=3, pause_seconds=5.0, longest_pause_seconds=18.0)


class FakeClock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock) -> Breaker:
    return Breaker(POLICY, clock)


def open_up(breaker: Breaker) -> None:
    for _ in range(POLICY.failures):
        breaker.fail()


def state_of(breaker: Breaker) -> tuple[str, float]:
    status = breaker.describe("p")
    return status.state, status.retry_in_seconds


def test_it_opens_after_so_many_failures_on_end(breaker):
    breaker.fail()
    breaker.fail()
    assert (breaker.admit(), state_of(breaker)) == (True, ("closed", 0.0))

    breaker.fail()

    assert (breaker.admit(), breaker.allows(), state_of(breaker)) == (False, False, ("open", 5.0))


def test_an_answer_in_between_begins_the_count_anew(breaker):
    for _ in range(4):
        breaker.fail()
        breaker.fail()
        breaker.succeed()
    assert state_of(breaker) == ("closed", 0.0)


def test_after_the_pause_one_request_goes_through(breaker, clock):
    open_up(breaker)
    clock.now += 4.9
    assert not breaker.admit()

    clock.now += 0.1

    assert [breaker.allows(), breaker.allows()] == [True, True]  # looking takes nothing
    assert [breaker.admit(), breaker.admit()] == [True, False]
    assert state_of(breaker) == ("half_open", 5.0)


def test_an_answer_closes_it(breaker, clock):
    open_up(breaker)
    clock.now += 5
    breaker.admit()

    breaker.succeed()

    assert [breaker.admit(), breaker.admit()] == [True, True]
    assert state_of(breaker) == ("closed", 0.0)


def test_the_pause_doubles_with_each_trial_that_fails_up_to_the_longest(breaker, clock):
    open_up(breaker)
    pauses = []
    for _ in range(4):
        clock.now += state_of(breaker)[1]
        assert breaker.admit()
        breaker.fail()
        pauses.append(state_of(breaker)[1])
    assert pauses == [10.0, 18.0, 18.0, 18.0]

    clock.now += 18
    breaker.admit()
    breaker.succeed()
    open_up(breaker)

    assert state_of(breaker) == ("open", 5.0)


def test_failures_of_requests_that_were_under_way_do_not_make_the_pause_longer(breaker, clock):
    open_up(breaker)
    clock.now += 2
    for _ in range(10):
        breaker.fail()
    assert state_of(breaker) == ("open", 3.0)


def test_a_trial_that_nobody_reports_on_costs_one_pause(breaker, clock):
    open_up(breaker)
    clock.now += 5
    assert breaker.admit()
    clock.now += 4.9
    assert not breaker.admit()
    clock.now += 0.1
    assert breaker.admit()


def test_of_many_threads_one_gets_the_trial(breaker, clock):
    open_up(breaker)
    clock.now += 5
    start, admitted = threading.Barrier(8, timeout=10), []

    def ask():
        start.wait()
        admitted.append(breaker.admit())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(admitted) == [False] * 7 + [True]


@given(st.lists(st.sampled_from(["fail", "succeed", "admit", "wait"]), max_size=60))
def test_whatever_happens_it_lets_a_request_through_again_within_the_longest_pause(steps):
    clock = FakeClock()
    breaker = Breaker(POLICY, clock)
    for step in steps:
        if step == "wait":
            clock.now += 3
        else:
            getattr(breaker, step)()
        assert state_of(breaker)[1] <= POLICY.longest_pause_seconds
    clock.now += POLICY.longest_pause_seconds
    assert breaker.admit()


def test_each_provider_has_its_own(settings):
    settings.AI_BREAKER_FAILURES = 1
    get_breaker("b").fail()
    get_breaker("a").admit()

    assert [(status.provider, status.state, status.failures) for status in list_breakers()] == [
        ("a", "closed", 0),
        ("b", "open", 1),
    ]
    assert get_breaker("b") is get_breaker("b")
