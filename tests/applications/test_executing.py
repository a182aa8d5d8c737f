"""The four steps, through the real gateway to the sandbox: what they find out, what they cost, and how they end."""

import threading

import pytest

from ai_gateway.breakers import forget_breakers, get_breaker
from applications.extraction import TimedOut
from applications.models import CV, Event, Run, Step
from applications.services.steps import executing, reading
from applications.services.steps.claiming import claim_step
from applications.services.steps.executing import execute_step
from config.demo.samples import FOLDER
from tests.applications.factories import ApplicationFactory, JobFactory
from tests.applications.hiring import charges, let_pause_end, states_of, step_of, steps_of, work
from tokens.models import Hold, UsageLog
from tokens.selectors import get_balance

pytestmark = pytest.mark.django_db


def test_a_cv_goes_through_all_four_steps(upstream):
    application = ApplicationFactory(pages=None)

    work()

    application.refresh_from_db()
    assert states_of(application) == ["succeeded"] * 4
    assert (application.status, application.score) == ("screened", 95)
    assert step_of(application, "cv_parse").result["full_name"] == "Grace Mbeki"
    assert [event.kind for event in application.events.all()] == ["received", "screened"]
    assert Event.objects.get(kind="screened").text == "Screened: 95 of 100."


def test_every_step_names_its_hold_and_every_usage_log_its_step(upstream):
    application = ApplicationFactory()

    work()

    logs = {log.step_id: log for log in UsageLog.objects.all()}
    for step in steps_of(application):
        log = logs.pop(step.pk)
        assert step.hold_id == log.hold_id
        assert (log.application_id, log.job_id, log.trace_id) == (application.pk, application.job_id, step.run_id)
        assert (log.operation, log.feature, log.company_id) == (step.operation, "screening", application.company_id)
        assert step.model == "sandbox/sandbox-rules-1"
    assert logs == {}


def test_reading_a_cv_is_billed_by_the_piece(upstream):
    application = ApplicationFactory()

    work()

    sizes = dict(UsageLog.objects.values_list("operation", "file_bytes"))
    assert sizes == {"cv_parse": application.cv.byte_count, "cv_analyze": None, "scoring": None, "decision": None}


def test_the_balance_loses_what_the_steps_were_charged(upstream):
    application = ApplicationFactory()

    work()

    charged = charges(application.company)
    assert len(charged) == 4
    assert get_balance(application.company_id).available_tokens == 100_000 - sum(charged)


def test_steps_run_in_their_order(upstream):
    application = ApplicationFactory()

    execute_step(claim_step())

    assert states_of(application) == ["succeeded", "ready", "blocked", "blocked"]


def test_the_steps_of_a_run_judge_by_the_job_as_it_was(upstream):
    application = ApplicationFactory()
    application.job.criteria.update(text="Underwater welding")

    work()

    assert step_of(application, "cv_analyze").result["strengths"] == ["Python in production: shown on page 1."]


# Files -------------------------------------------------------------------------------------------------------


def sample(name):
    return {"content": (FOLDER / name).read_bytes(), "file_name": name, "pages": None}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("hostile-image-only.pdf", "no_text"),
        ("hostile-encrypted.pdf", "encrypted"),
        ("hostile-truncated.pdf", "corrupt"),
    ],
)
def test_a_file_that_cannot_be_read_ends_in_words_and_costs_nothing(name, code, upstream):
    application = ApplicationFactory(**sample(name))

    work()

    step, cv = step_of(application), CV.objects.get()
    application.refresh_from_db()
    assert (step.state, step.error_code, cv.error_code, cv.pages) == ("failed", code, code, None)
    assert step.error_message == cv.error_message != ""
    assert application.status == "needs_attention"
    assert (upstream.requests, Hold.objects.count(), charges(application.company)) == ([], 0, [])
    assert Run.objects.get().admitted_on is None


def test_hidden_instructions_are_left_out_and_noted(upstream):
    application = ApplicationFactory(**sample("dmitri-volkov-hidden-text.pdf"))

    work()

    cv = CV.objects.get()
    application.refresh_from_db()
    assert cv.notes == ["hidden_text_removed"]
    assert "ignore" not in "".join(cv.pages).lower()
    assert application.status == "screened"


def test_a_file_that_ran_into_a_limit_is_read_once_more(upstream, monkeypatch):
    application, tries = ApplicationFactory(pages=None), []

    def slow(*_args, **_options):
        tries.append(1)
        raise TimedOut

    monkeypatch.setattr(reading, "extract_text", slow)
    work()
    assert (step_of(application).state, step_of(application).attempts) == ("ready", 1)
    let_pause_end(step_of(application))
    work()

    assert (step_of(application).state, step_of(application).error_code, len(tries)) == ("failed", "timed_out", 2)


def test_a_file_that_is_missing_ends_in_words(upstream):
    application = ApplicationFactory(pages=None)
    application.cv.file.storage.delete(application.cv.file.name)

    work()

    assert (step_of(application).error_code, step_of(application).error_message) == (
        "cv_unavailable",
        "The file of this CV is missing.",
    )
    assert charges(application.company) == []


def test_a_cv_that_was_erased_is_not_asked_about(upstream):
    application = ApplicationFactory()
    execute_step(claim_step())
    CV.objects.update(pages=None)

    work()

    assert step_of(application, "cv_analyze").error_message == "The text of this CV was erased."
    assert len(upstream.requests) == 1


# Answers -----------------------------------------------------------------------------------------------------


def test_an_answer_that_cannot_be_used_is_asked_for_again_at_once(upstream):
    application = ApplicationFactory()
    upstream.misbehave("bad_json_answer")

    work()

    assert states_of(application) == ["succeeded"] * 4
    assert (step_of(application).rejected_answers, step_of(application).attempts) == (1, 2)
    assert len(charges(application.company)) == 5


def test_three_answers_that_cannot_be_used_are_enough(upstream):
    application = ApplicationFactory()
    upstream.misbehave("empty_answer", "truncated_answer", "bad_json_answer")

    work()

    step = step_of(application)
    application.refresh_from_db()
    assert (step.state, step.error_code) == ("failed", "answer_wrong_shape")
    assert step.error_message == "AI answered, but not in the form that was asked for."
    assert application.status == "needs_attention"
    charged = charges(application.company)
    assert len(charged) == 3
    assert all(charged)
    assert states_of(application) == ["failed", "blocked", "blocked", "blocked"]


# Providers ---------------------------------------------------------------------------------------------------


def test_a_provider_that_is_down_is_tried_again_later_and_then_given_up(upstream, settings):
    settings.AI_BREAKER_FAILURES = 100
    settings.AI_PROVIDERS["sandbox"]["base_url"] = "http://127.0.0.1:9/v1"
    application = ApplicationFactory()
    pauses = []
    for _ in range(3):
        work()
        step = step_of(application)
        assert (step.state, step.error_code) == ("ready", "provider_unavailable")
        pauses.append(round((step.run_after - step.started_at).total_seconds()))
        let_pause_end(step)

    work()

    assert (step_of(application).state, step_of(application).attempts) == ("failed", 4)
    assert all(pause >= least for pause, least in zip(pauses, (10, 40, 160), strict=True))
    assert charges(application.company) == []
    assert get_balance(application.company_id).available_tokens == 100_000


def test_a_provider_that_is_known_to_be_down_takes_no_attempt(upstream, settings):
    for _ in range(settings.AI_BREAKER_FAILURES):
        get_breaker("sandbox").fail()
    application = ApplicationFactory()

    work()

    step = step_of(application)
    assert (step.state, step.error_code, step.attempts) == ("ready", "provider_circuit_open", 0)
    assert (upstream.requests, Hold.objects.count()) == ([], 0)
    forget_breakers()
    let_pause_end(step)
    work()
    assert states_of(application) == ["succeeded"] * 4


def test_a_provider_that_comes_back_is_noticed(upstream, settings):
    good = settings.AI_PROVIDERS["sandbox"]["base_url"]
    settings.AI_PROVIDERS["sandbox"]["base_url"] = "http://127.0.0.1:9/v1"
    application = ApplicationFactory()
    work()

    settings.AI_PROVIDERS["sandbox"]["base_url"] = good
    let_pause_end(step_of(application))
    work()

    assert states_of(application) == ["succeeded"] * 4
    assert step_of(application).error_message == ""


def test_a_wrong_key_fails_at_once(upstream, settings):
    settings.AI_PROVIDERS["sandbox"]["api_key"] = "wrong-key"
    application = ApplicationFactory()

    work()

    step = step_of(application)
    assert (step.state, step.attempts, step.error_code) == ("failed", 1, "provider_key_rejected")
    assert sum(charges(application.company)) == 0


# Defects and stops -------------------------------------------------------------------------------------------


def test_a_defect_of_ours_is_logged_and_bounded(upstream, monkeypatch):
    application = ApplicationFactory()
    monkeypatch.setattr(executing, "ask", lambda _step: 1 / 0)
    for _ in range(4):
        work()
        let_pause_end(step_of(application))

    step = step_of(application)
    assert (step.state, step.error_code, step.attempts) == ("failed", "internal_error", 4)


def test_the_lease_is_kept_as_long_as_a_step_is_executed(monkeypatch):
    ApplicationFactory()
    step, during = claim_step(), set()
    monkeypatch.setattr(executing, "ask", lambda _step: during.update(names_of_threads()) or 1 / 0)

    execute_step(step)

    assert f"lease-{step.pk}" in during
    assert f"lease-{step.pk}" not in names_of_threads()


def names_of_threads():
    return {thread.name for thread in threading.enumerate()}


def test_a_worker_that_is_stopped_gives_its_step_back(monkeypatch):
    application = ApplicationFactory()

    def stop(_step):
        raise SystemExit

    monkeypatch.setattr(executing, "ask", stop)
    with pytest.raises(SystemExit):
        execute_step(claim_step())

    step = step_of(application)
    assert (step.state, step.attempts, step.lease_expires_at) == ("ready", 0, None)


def test_a_worker_whose_step_was_taken_over_changes_nothing(upstream, monkeypatch):
    application = ApplicationFactory()
    step = claim_step()
    Step.objects.filter(pk=step.pk).update(started_at=step.run_after)  # another worker's execution

    execute_step(step)

    assert step_of(application).state == "running"
    assert states_of(application)[1] == "blocked"


def test_two_companies_never_pay_for_each_other(upstream):
    first, second = ApplicationFactory(), ApplicationFactory(job=JobFactory())

    work()

    assert len(charges(first.company)) == len(charges(second.company)) == 4
    assert states_of(second) == ["succeeded"] * 4
