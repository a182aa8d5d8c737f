"""A worker can die at any moment: no step is lost, none is charged twice, and none kills workers for ever."""

import os
import signal
import subprocess
import sys
from time import monotonic, sleep

import pytest
from django.conf import settings as configured
from django.db import OperationalError, connection

from applications.models import Application, Event, Step
from applications.services.steps import executing
from applications.services.steps.asking import ask
from applications.services.steps.claiming import MAX_CRASHES, claim_step
from applications.services.steps.executing import execute_step
from tests.applications.factories import ApplicationFactory, JobFactory, subscribed_company
from tests.applications.hiring import charges, let_lease_end, let_pause_end, states_of, step_of, work
from tests.tokens.ledger import end_lease
from tokens.models import Hold
from tokens.selectors.audit import audit_ledger

A_WORKER = "from applications.services.steps.working import work_off_steps; work_off_steps(seconds=60)"


@pytest.mark.django_db
def test_a_worker_that_dies_between_the_answer_and_its_storing_costs_nothing(upstream):
    application = ApplicationFactory()
    dying = claim_step()
    answer, _result = ask(dying)  # answered and settled; then the worker is gone

    let_lease_end(dying)
    work()

    step = step_of(application)
    assert states_of(application) == ["succeeded"] * 4
    assert (step.hold_id, step.attempts) == (answer.hold_id, 2)
    assert (len(charges(application.company)), len(upstream.requests)) == (4, 4)


@pytest.mark.django_db
def test_with_another_key_the_same_crash_would_be_charged_twice(upstream):
    """The control of the test above: it is the key that keeps the second execution from paying again."""
    application = ApplicationFactory()
    dying = claim_step()
    ask(dying)

    let_lease_end(dying)
    Step.objects.filter(pk=dying.pk).update(rejected_answers=1)
    work()

    assert (len(charges(application.company)), len(upstream.requests)) == (5, 5)


@pytest.mark.django_db
def test_a_worker_that_comes_back_late_does_not_overwrite_what_another_found(upstream):
    application = ApplicationFactory()
    slow = claim_step()
    let_lease_end(slow)
    quick = claim_step()
    execute_step(quick)

    execute_step(slow)

    assert states_of(application)[:2] == ["succeeded", "ready"]
    assert step_of(application).attempts == 2
    assert len(charges(application.company)) == 1


@pytest.mark.django_db
def test_a_database_that_goes_away_is_not_taken_for_a_failure_of_the_step(monkeypatch):
    application = ApplicationFactory()

    def away(_step):
        raise OperationalError

    monkeypatch.setattr(executing, "ask", away)
    with pytest.raises(OperationalError):
        execute_step(claim_step())

    assert (step_of(application).state, step_of(application).error_code) == ("running", "")


@pytest.mark.django_db
def test_a_step_that_takes_every_worker_down_is_given_up():
    application = ApplicationFactory()
    for _ in range(MAX_CRASHES):
        let_lease_end(claim_step())
    assert claim_step() is None

    work()

    step = step_of(application)
    application.refresh_from_db()
    assert (step.state, step.error_code, step.attempts) == ("failed", "crashed", 5)
    assert step.error_message == "The worker stopped in the middle of this step 5 times."
    assert application.status == "needs_attention"
    assert Event.objects.filter(kind="step_failed").count() == 1


def start_worker(sandbox):
    """Start a worker in a process of its own, on the test's database and sandbox."""
    facts = connection.settings_dict
    address = f"{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"
    credentials = ":".join(filter(None, (facts["USER"], facts["PASSWORD"])))
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgres://{credentials}@{address}",
        "SANDBOX_URL": sandbox.url,
        "AI_PROVIDER": "sandbox",
        "DJANGO_SETTINGS_MODULE": "config.test",
    }
    code = f"import django; django.setup(); {A_WORKER}"
    return subprocess.Popen([sys.executable, "-c", code], cwd=configured.BASE_DIR, env=environment)


def wait_for_request(sandbox, worker):
    deadline = monotonic() + 60
    while not sandbox.requests("sandbox"):
        assert worker.poll() is None, "the worker ended early"
        assert monotonic() < deadline, "the worker asked nothing"
        sleep(0.02)


def test_a_worker_killed_in_the_middle_of_a_call_loses_nothing(committed_db, running_sandbox, settings):
    """Killed for real, while the provider works: the call is not repeated before its hold has run out."""
    settings.AI_PROVIDERS = {
        "sandbox": {"kind": "openai", "base_url": running_sandbox.url, "api_key": "sandbox"},
    }
    application = ApplicationFactory(job=JobFactory(company=subscribed_company(tokens=100_000)))
    running_sandbox.set_faults("sandbox", {"kind": "hang"})
    worker = start_worker(running_sandbox)
    try:
        wait_for_request(running_sandbox, worker)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    let_lease_end(step_of(application))
    work()
    assert (step_of(application).state, step_of(application).attempts) == ("ready", 1)  # its call is under way
    assert len(running_sandbox.requests("sandbox")) == 1

    end_lease(Hold.objects.get().pk)
    let_pause_end(step_of(application))
    work()

    assert Application.objects.get().status == "screened"
    assert len(charges(application.company)) == 4
    assert [check for check in audit_ledger() if not check.holds] == []
