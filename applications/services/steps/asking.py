"""Ask AI what a step wants to know."""

from collections.abc import Mapping
from typing import Any

from ai_gateway.calls import Answer, Attribution, Call, Quantities, call_ai
from ai_gateway.providers.types import JsonSchema
from applications.briefs import read_brief
from applications.errors import CVUnavailable
from applications.models import Operation, Run, Step, StepState
from applications.screening.answers import parse_answer
from applications.screening.prompts import CVText, Prompt, build_prompt


def ask(step: Step) -> tuple[Answer, dict[str, Any]]:
    """Make the step's call and return the answer and the checked result.

    The key names the step and how many of its calls are over: executed again after a crash, the step gets the answer
    that was paid for, and only a call that gave nothing usable is followed by a new one.

    Raises:
        CVUnavailable: the CV's text was erased.
        UnusableAnswer: AI answered, was charged, and the answer does not have the form that was asked for.
        AccessRefused, CallUnderWay, CallFailed, KeyInUse, AnswerExpired: see ``call_ai``.
    """
    answer = call_ai(_call(step, _prompt(step)))
    return answer, parse_answer(step.operation, answer.text).model_dump(mode="json")


def _prompt(step: Step) -> Prompt:
    application = step.run.application
    if application.cv.pages is None:
        raise CVUnavailable("The text of this CV was erased.")
    received_on = application.created_at.astimezone(step.company.zone).date()
    return build_prompt(
        step.operation,
        job=read_brief(step.run.brief),
        cv=CVText(pages=tuple(application.cv.pages), received_on=received_on),
        earlier=list_results(step.run),
    )


def list_results(run: Run) -> Mapping[str, Any]:
    """Return the results that a run has so far, by operation."""
    return dict(run.steps.filter(state=StepState.SUCCEEDED).values_list("operation", "result"))


def _call(step: Step, prompt: Prompt) -> Call:
    application = step.run.application
    is_reading = step.operation == Operation.CV_PARSE
    return Call(
        company_id=step.company_id,
        operation=step.operation,
        system=prompt.system,
        user=prompt.user,
        json_schema=JsonSchema(prompt.schema_name, prompt.json_schema),
        prompt_version=prompt.prompt_version,
        idempotency_key=f"step/{step.pk}/{step.rejected_answers}",
        attribution=Attribution(
            application_id=application.pk,
            job_id=application.job_id,
            user_id=step.run.started_by_id,
            step_id=step.pk,
            trace_id=step.run_id,
            feature="screening",
        ),
        quantities=Quantities(file_bytes=application.cv.byte_count if is_reading else None),
    )
