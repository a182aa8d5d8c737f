"""Workers take steps: no two the same, no company before its turn, and those of dead workers after their lease."""

from threading import Barrier, Thread

import pytest
from django.db import connection, transaction

from applications.models import Step
from applications.services.steps import claiming
from applications.services.steps.claiming import claim_step, keep_lease, renew_lease
from tests.applications.factories import ApplicationFactory, JobFactory, subscribed_company
from tests.applications.hiring import finish, let_lease_end, let_pause_end, step_of


def lease_left(step):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM lease_expires_at - clock_timestamp()) FROM applications_step WHERE id = %s",
            [step.pk],
        )
        return float(cursor.fetchone()[0])


@pytest.mark.django_db
def test_a_claimed_step_is_running_under_a_lease():
    application = ApplicationFactory()

    claimed = claim_step()

    step = step_of(application)
    assert claimed == step
    assert (step.state, step.attempts, claimed.started_at) == ("running", 1, step.started_at)
    assert 55 < lease_left(step) <= 60


@pytest.mark.django_db
def test_what_is_blocked_or_taken_or_not_due_is_not_claimed():
    application = ApplicationFactory()
    assert claim_step() is not None
    assert claim_step() is None

    with connection.cursor() as cursor:
        cursor.execute("UPDATE applications_step SET run_after = run_after + interval '1 hour'")
    Step.objects.filter(pk=step_of(application).pk).update(state="ready", lease_expires_at=None)

    assert claim_step() is None


@pytest.mark.django_db
def test_a_step_is_taken_over_when_its_worker_has_been_silent_for_the_lease():
    ApplicationFactory()
    first = claim_step()
    let_lease_end(first)

    second = claim_step()

    assert second.pk == first.pk
    assert second.attempts == 2
    assert second.started_at > first.started_at


@pytest.mark.django_db
def test_a_worker_that_lost_its_step_cannot_renew_the_lease():
    ApplicationFactory()
    first = claim_step()
    let_lease_end(first)
    second = claim_step()

    assert (renew_lease(first), renew_lease(second)) == (False, True)


@pytest.mark.django_db
def test_renewing_makes_the_lease_whole_again():
    ApplicationFactory()
    step = claim_step()
    let_lease_end(step)

    assert renew_lease(step)

    assert lease_left(step) > 55


def test_the_lease_is_renewed_while_a_step_takes_long(committed_db, monkeypatch):
    ApplicationFactory(job=JobFactory(company=subscribed_company()))
    step, renewed = claim_step(), Barrier(2, timeout=10)
    monkeypatch.setattr(claiming, "RENEW_EVERY_SECONDS", 0.01)

    def renew(given):
        monkeypatch.setattr(claiming, "RENEW_EVERY_SECONDS", 60)
        assert renew_lease(given)
        renewed.wait()
        return False

    let_lease_end(step)
    monkeypatch.setattr(claiming, "renew_lease", renew)
    with keep_lease(step):
        renewed.wait()

    assert claim_step() is None


@pytest.mark.django_db
def test_companies_take_turns_however_much_one_of_them_has_sent():
    crowd, single = JobFactory(), JobFactory()
    for _ in range(3):
        ApplicationFactory(job=crowd)
    last = ApplicationFactory(job=single)

    served = [claim_step().company_id for _ in range(4)]

    assert served == [crowd.company_id, single.company_id, crowd.company_id, crowd.company_id]
    assert step_of(last).state == "running"


@pytest.mark.django_db
def test_companies_take_turns_with_a_single_worker_too():
    """Nothing runs when the only worker comes back for more: whose turn it is follows from who was served last."""
    crowd, single = JobFactory(), JobFactory()
    for _ in range(3):
        ApplicationFactory(job=crowd)
    for _ in range(2):
        ApplicationFactory(job=single)

    served = []
    for _ in range(4):
        step = claim_step()
        served.append(step.company_id)
        Step.objects.filter(pk=step.pk).update(state="failed", lease_expires_at=None, finished_at=step.started_at)

    assert served == [crowd.company_id, single.company_id] * 2


@pytest.mark.django_db
def test_within_a_company_the_oldest_goes_first():
    job = JobFactory()
    applications = [ApplicationFactory(job=job) for _ in range(3)]

    assert [claim_step().run.application_id for _ in range(3)] == [application.pk for application in applications]


@pytest.mark.django_db
def test_a_run_that_was_begun_goes_before_one_that_was_not():
    job = JobFactory()
    begun, fresh = ApplicationFactory(job=job), ApplicationFactory(job=job)
    finish(begun, "cv_parse")
    with connection.cursor() as cursor:  # its next step was made ready last of all
        cursor.execute(
            "UPDATE applications_step SET run_after = statement_timestamp() - interval '1 hour' WHERE id = %s",
            [step_of(fresh).pk],
        )

    assert claim_step() == step_of(begun, "cv_analyze")


def test_a_step_that_another_worker_is_just_taking_is_passed_over(committed_db):
    job = JobFactory(company=subscribed_company())
    first, second = (step_of(ApplicationFactory(job=job)) for _ in range(2))
    found = []

    def claim():
        found.append(claim_step().pk)
        connection.close()

    with transaction.atomic():
        Step.objects.select_for_update().get(pk=first.pk)
        worker = Thread(target=claim)
        worker.start()
        worker.join(timeout=10)

    assert found == [second.pk]


def claim_together(claim, workers, rounds):
    """Let several workers claim at the same moment, ``rounds`` times; returns what each claim got."""
    barrier, found = Barrier(workers, timeout=30), []

    def run():
        try:
            for _ in range(rounds):
                barrier.wait()
                found.append(claim())
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_no_two_workers_take_the_same_step(committed_db):
    job = JobFactory(company=subscribed_company())
    for _ in range(12):
        ApplicationFactory(job=job)

    taken = [step.pk for step in claim_together(claim_step, 4, 5) if step]

    assert len(taken) == len(set(taken)) == 12


def test_workers_that_look_first_and_take_then_take_the_same_step(committed_db):
    """The control of the test above: the race is there as soon as the claim is more than one statement."""
    job = JobFactory(company=subscribed_company())
    for _ in range(4):
        ApplicationFactory(job=job)
    looked = Barrier(2, timeout=10)

    def claim_in_two_statements():
        step = Step.objects.filter(state="ready").order_by("id").first()
        looked.wait()
        Step.objects.filter(pk=step.pk).update(state="running", lease_expires_at=step.run_after)
        return step.pk

    taken = claim_together(claim_in_two_statements, 2, 2)

    assert len(taken) == 4
    assert len(set(taken)) == 2


@pytest.mark.django_db
def test_a_pause_that_is_over_is_no_reason_to_wait():
    application = ApplicationFactory()
    let_pause_end(step_of(application))

    assert claim_step() == step_of(application)
