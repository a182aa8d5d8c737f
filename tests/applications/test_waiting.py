"""Without tokens, or beyond a job's daily cap, work waits, says so, and goes on by itself."""

from datetime import UTC, datetime
from threading import Barrier, Thread

import pytest
from django.db import connection

from applications.models import Application, Run, Step
from applications.services.jobs import JobDraft, update_job
from applications.services.steps.caps import admit_run
from applications.services.steps.waiting import resume_waiting
from billing.models import Subscription
from tests.applications.factories import ApplicationFactory, JobFactory, subscribed_company
from tests.applications.hiring import charges, let_pause_end, states_of, step_of, work
from tests.tenants.factories import CompanyFactory
from tests.tokens.ledger import grant
from tokens.models import Budget, BudgetPeriod, BudgetScope
from tokens.services.budgets import create_budget

WAITING = ["waiting_for_tokens", "blocked", "blocked", "blocked"]


# Tokens ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_tokens_an_application_waits_and_says_so(upstream):
    application = ApplicationFactory(job=JobFactory(tokens=0))

    work()

    step = step_of(application)
    assert states_of(application) == WAITING
    assert (step.error_code, step.error_message) == ("no_tokens_remaining", "There are no tokens left.")
    assert step.needed_tokens > 1500
    assert (step.attempts, upstream.requests) == (0, [])


@pytest.mark.django_db
def test_it_goes_on_by_itself_when_tokens_arrive(upstream):
    application = ApplicationFactory(job=JobFactory(tokens=0))
    work()

    grant(application.company, 50_000)
    work()

    assert states_of(application) == ["succeeded"] * 4
    assert (step_of(application).error_message, step_of(application).needed_tokens) == ("", None)


@pytest.mark.django_db
def test_too_few_tokens_are_not_worth_another_try(upstream):
    application = ApplicationFactory(job=JobFactory(tokens=0))
    work()

    grant(application.company, step_of(application).needed_tokens - 1)

    assert resume_waiting() == 0
    assert states_of(application) == WAITING


@pytest.mark.django_db
def test_a_wait_in_the_middle_keeps_what_was_found_out(upstream):
    application = ApplicationFactory(job=JobFactory(tokens=3_500))
    work()
    assert states_of(application)[0] == "succeeded"
    assert "waiting_for_tokens" in states_of(application)

    grant(application.company, 50_000)
    work()

    assert states_of(application) == ["succeeded"] * 4
    assert len(charges(application.company)) == 4


@pytest.mark.django_db
def test_only_as_many_go_on_as_the_tokens_cover(upstream):
    job = JobFactory(tokens=0)
    applications = [ApplicationFactory(job=job) for _ in range(3)]
    work()

    needed = step_of(applications[0]).needed_tokens
    grant(job.company, 2 * needed)

    assert resume_waiting() == 2
    assert [states_of(application)[0] for application in applications] == ["ready", "ready", "waiting_for_tokens"]


@pytest.mark.django_db
def test_the_tokens_of_one_company_move_nobody_else(upstream):
    poor, rich = ApplicationFactory(job=JobFactory(tokens=0)), ApplicationFactory(job=JobFactory(tokens=0))
    work()

    grant(rich.company, 50_000)
    work()

    assert states_of(poor) == WAITING
    assert states_of(rich) == ["succeeded"] * 4


@pytest.mark.django_db
def test_without_a_subscription_an_application_waits_until_there_is_one(upstream):
    application = ApplicationFactory()
    Subscription.objects.update(status="deactivated")
    work()
    assert step_of(application).error_code == "subscription_deactivated"
    let_pause_end(step_of(application))

    work()
    assert states_of(application) == WAITING
    Subscription.objects.update(status="active")
    work()

    assert states_of(application) == ["succeeded"] * 4


@pytest.mark.django_db
def test_a_budget_that_stops_is_looked_at_again_after_a_pause(upstream):
    application = ApplicationFactory()
    create_budget(
        company_id=application.company_id, scope=BudgetScope.COMPANY, period=BudgetPeriod.MONTH, limit_tokens=10
    )
    work()
    assert step_of(application).error_code == "budget_exceeded"
    assert resume_waiting() == 0

    Budget.objects.update(limit_tokens=1_000_000)
    let_pause_end(step_of(application))
    work()

    assert states_of(application) == ["succeeded"] * 4


# The cap -----------------------------------------------------------------------------------------------------


def capped(cap, **facts):
    job = JobFactory(**facts)
    type(job).objects.filter(pk=job.pk).update(daily_ai_cap=cap)
    job.refresh_from_db()
    return job


@pytest.mark.django_db
def test_beyond_the_cap_applications_wait_and_nothing_is_charged(upstream):
    job = capped(1)
    first, second = ApplicationFactory(job=job), ApplicationFactory(job=job)

    work()

    assert states_of(first) == ["succeeded"] * 4
    assert states_of(second) == ["waiting_for_cap", "blocked", "blocked", "blocked"]
    assert (step_of(second).attempts, len(charges(job.company))) == (0, 4)
    assert Application.objects.get(pk=second.pk).status == "received"


@pytest.mark.django_db
def test_the_next_day_of_the_company_has_room_again(upstream):
    job = capped(1)
    applications = [ApplicationFactory(job=job) for _ in range(3)]
    work()

    with connection.cursor() as cursor:
        cursor.execute("UPDATE applications_run SET admitted_on = admitted_on - 1")
    work()

    assert [states_of(application)[0] for application in applications] == ["succeeded", "succeeded", "waiting_for_cap"]


@pytest.mark.django_db
def test_a_raised_cap_lets_those_in_that_wait(upstream):
    job = capped(0)
    application = ApplicationFactory(job=job)
    work()
    assert states_of(application)[0] == "waiting_for_cap"

    update_job(job=job, draft=JobDraft(title=job.title, description=job.description, daily_ai_cap=1))
    work()

    assert states_of(application) == ["succeeded"] * 4


@pytest.mark.django_db
def test_a_cap_is_that_of_one_job():
    job = capped(0)
    other = ApplicationFactory(job=JobFactory(company=job.company))

    assert admit_run(other.runs.get())


@pytest.mark.django_db
def test_an_application_counts_once_a_day_however_often_it_is_screened():
    job = capped(1)
    application = ApplicationFactory(job=job)
    run = application.runs.get()
    assert admit_run(run)
    again = Run.objects.create(company=job.company, application=application, number=2, brief=run.brief)

    assert admit_run(again)
    assert not admit_run(ApplicationFactory(job=job).runs.get())


@pytest.mark.django_db
def test_days_are_those_of_the_company(monkeypatch):
    monkeypatch.setattr("tokens.periods.timezone.now", lambda: datetime(2026, 11, 21, 23, 30, tzinfo=UTC))
    company = CompanyFactory(time_zone="Europe/Berlin")
    run = ApplicationFactory(job=JobFactory(company=company)).runs.get()

    admit_run(run)

    run.refresh_from_db()
    assert run.admitted_on.isoformat() == "2026-11-22"


@pytest.mark.django_db
def test_a_run_is_admitted_for_good_even_when_the_cap_is_lowered(upstream):
    job = capped(1)
    run = ApplicationFactory(job=job).runs.get()
    admit_run(run)

    type(job).objects.update(daily_ai_cap=0)
    work()

    assert [step.state for step in run.steps.all()] == ["succeeded"] * 4


def admit_at_once(runs, admit):
    barrier, found = Barrier(len(runs), timeout=30), []

    def enter(run):
        barrier.wait()
        try:
            found.append(admit(run))
        finally:
            connection.close()

    threads = [Thread(target=enter, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_workers_that_ask_at_the_same_moment_do_not_exceed_the_cap(committed_db):
    job = capped(2, company=subscribed_company())
    runs = [ApplicationFactory(job=job).runs.select_related("application__company").get() for _ in range(6)]

    found = admit_at_once(runs, admit_run)

    assert sorted(found) == [False] * 4 + [True] * 2
    assert Run.objects.filter(admitted_on__isnull=False).count() == 2


def test_without_the_lock_on_the_job_they_would(committed_db, monkeypatch):
    """The control of the test above: both count before either has entered."""
    job = capped(1, company=subscribed_company())
    runs = [ApplicationFactory(job=job).runs.select_related("application__company").get() for _ in range(2)]
    counted = Barrier(2, timeout=10)

    def admit_unlocked(run):
        used = Run.objects.filter(admitted_on__isnull=False).count()
        counted.wait()
        return used < 1

    assert admit_at_once(runs, admit_unlocked) == [True, True]
    assert Step.objects.filter(state="ready").count() == 2
