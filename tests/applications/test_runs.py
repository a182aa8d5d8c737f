"""A failed step can be tried again, and an application be screened once more; every run is kept."""

import pytest

from applications.errors import CannotStartThere, RunUnderWay, StepNotRetryable
from applications.extraction import NoText
from applications.models import CV, Application, Event, Run, Step
from applications.services.runs import retry_step, start_run
from applications.services.steps import reading
from applications.services.steps.claiming import claim_step
from applications.services.waking import wake_workers
from tests.applications.factories import ApplicationFactory
from tests.applications.hiring import charges, states_of, step_of, work
from tests.tenants.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def recruiter():
    return UserFactory(name="Rita")


def screened(upstream):
    application = ApplicationFactory()
    work()
    application.refresh_from_db()
    return application


def failed(upstream, settings):
    """An application whose first step failed because the provider refused the key."""
    application = ApplicationFactory()
    good = settings.AI_PROVIDERS["sandbox"]["api_key"]
    settings.AI_PROVIDERS["sandbox"]["api_key"] = "wrong-key"
    work()
    settings.AI_PROVIDERS["sandbox"]["api_key"] = good
    return application


def resieve(application, acting, **options):
    wanted = {"number": 2, "reason": "Criteria changed", "from_operation": "cv_parse", **options}
    return start_run(application=application, acting=acting, **wanted)


# Retry -------------------------------------------------------------------------------------------------------


def test_a_failed_step_is_tried_again_and_the_rest_follows(
    upstream, settings, recruiter, django_capture_on_commit_callbacks
):
    application = failed(upstream, settings)

    with django_capture_on_commit_callbacks() as callbacks:
        retry_step(step=step_of(application), acting=recruiter)

    assert callbacks == [wake_workers]
    application.refresh_from_db()
    step = step_of(application)
    assert (step.state, step.attempts, step.error_code, step.error_message) == ("ready", 0, "", "")
    assert application.status == "screening"
    event = Event.objects.get(kind="step_retried")
    assert (event.text, event.actor) == ("Read CV is tried again.", recruiter)

    work()
    assert states_of(application) == ["succeeded"] * 4


def test_a_cv_that_could_not_be_read_is_read_anew(upstream, monkeypatch, recruiter):
    def unreadable(*_args, **_options):
        raise NoText

    application = ApplicationFactory(pages=None)
    with monkeypatch.context() as patch:
        patch.setattr(reading, "extract_text", unreadable)
        work()
    assert CV.objects.get().error_code == "no_text"

    retry_step(step=step_of(application), acting=recruiter)
    assert (CV.objects.get().error_code, CV.objects.get().error_message) == ("", "")
    work()

    assert CV.objects.get().pages[0].startswith("Grace Mbeki")
    assert states_of(application) == ["succeeded"] * 4


def test_a_retry_after_charged_answers_asks_anew_instead_of_replaying_them(upstream, recruiter):
    application = ApplicationFactory()
    upstream.misbehave("empty_answer", "empty_answer", "empty_answer")
    work()
    assert step_of(application).state == "failed"

    retry_step(step=step_of(application), acting=recruiter)
    work()

    assert states_of(application) == ["succeeded"] * 4
    assert len(charges(application.company)) == 7


def test_what_has_not_failed_cannot_be_tried_again(recruiter):
    application = ApplicationFactory()

    for state in ("ready", "running"):
        with pytest.raises(StepNotRetryable):
            retry_step(step=step_of(application), acting=recruiter)
        assert step_of(application).state == state
        claim_step()

    assert not Event.objects.filter(kind="step_retried").exists()


def test_a_step_of_a_run_that_was_replaced_cannot_be_tried_again(upstream, settings, recruiter):
    application = failed(upstream, settings)
    old = step_of(application)
    resieve(application, recruiter)

    with pytest.raises(StepNotRetryable):
        retry_step(step=old, acting=recruiter)

    assert Step.objects.get(pk=old.pk).state == "failed"


# Re-sieve ----------------------------------------------------------------------------------------------------


def test_a_second_run_asks_everything_anew_and_the_first_is_kept(upstream, recruiter):
    application = screened(upstream)

    run = resieve(application, recruiter)
    application.refresh_from_db()
    assert (run.number, run.reason, run.started_by, application.status) == (
        2,
        "Criteria changed",
        recruiter,
        "screening",
    )
    work()

    assert states_of(application) == ["succeeded"] * 4
    assert len(charges(application.company)) == 8
    assert [step.state for step in Run.objects.get(number=1).steps.all()] == ["succeeded"] * 4
    assert Event.objects.get(kind="resieved").text == "Screened again from “Read CV”: Criteria changed"


def test_a_run_judges_by_the_job_as_it_is_now(upstream, recruiter):
    application = screened(upstream)
    application.job.criteria.filter(code="c1").update(text="Underwater welding")

    resieve(application, recruiter, from_operation="cv_analyze")
    work()

    application.refresh_from_db()
    assert (application.status, application.score) == ("screened", None)
    assert Run.objects.get(number=1).brief["criteria"][0]["text"] == "Python in production"


def test_steps_before_the_first_keep_their_results_and_cost_nothing(upstream, recruiter):
    application = screened(upstream)
    before = {step.operation: step.result for step in Run.objects.get().steps.all()}

    resieve(application, recruiter, from_operation="scoring")

    assert states_of(application) == ["succeeded", "succeeded", "ready", "blocked"]
    assert step_of(application, "cv_parse").result == before["cv_parse"]
    assert step_of(application, "cv_analyze").result == before["cv_analyze"]
    work()
    assert states_of(application) == ["succeeded"] * 4
    assert len(charges(application.company)) == 6


def test_the_same_form_sent_twice_starts_one_run(upstream, recruiter):
    application = screened(upstream)

    first, second = resieve(application, recruiter), resieve(application, recruiter, reason="Again")

    assert first == second
    assert Run.objects.count() == 2


def test_runs_are_numbered_without_gaps_whatever_the_form_says(upstream, recruiter):
    application = screened(upstream)

    assert resieve(application, recruiter, number=77).number == 2


def test_a_run_cannot_start_while_another_is_under_way(upstream, recruiter):
    application = ApplicationFactory()

    with pytest.raises(RunUnderWay):
        resieve(application, recruiter)

    assert (Run.objects.count(), Application.objects.get().status) == (1, "received")


def test_a_run_cannot_start_behind_a_step_without_a_result(upstream, settings, recruiter):
    application = failed(upstream, settings)

    with pytest.raises(CannotStartThere) as refusal:
        resieve(application, recruiter, from_operation="scoring")

    assert refusal.value.operation == "scoring"
    assert Run.objects.count() == 1


def test_after_a_failure_a_run_can_start_from_the_beginning(upstream, settings, recruiter):
    application = failed(upstream, settings)

    resieve(application, recruiter)
    work()

    assert states_of(application) == ["succeeded"] * 4
