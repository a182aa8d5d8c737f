"""The lines of a call name it, its company and its hold, and hold nothing that was asked, answered or is secret."""

import io
import json
import logging
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from django.conf import settings

from ai_gateway.calls import Call, call_ai
from ai_gateway.errors import CallFailed
from ai_gateway.media_calls import embed_ai
from tests.ai_gateway import test_calls
from tests.ai_gateway.test_media_calls import texts
from tokens.models import Hold

pytestmark = pytest.mark.django_db
company, books_in_order = test_calls.company, test_calls.books_in_order

SECRET = "Grace Mbeki, born 1980, grace@example.com"
OURS = ("ai_gateway", "tokens")


class Lines(logging.Handler):
    """The log as it is written: one JSON object a line."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        formatter = dict(settings.LOGGING["formatters"]["structured"])
        self.setFormatter(formatter.pop("()")(**formatter))
        self.text = io.StringIO()

    def emit(self, record: logging.LogRecord) -> None:
        self.text.write(self.format(record) + "\n")

    @property
    def ours(self) -> list[dict]:
        lines = [json.loads(line) for line in self.text.getvalue().splitlines()]
        return [line for line in lines if line["logger"].split(".")[0] in OURS]


@pytest.fixture
def lines():
    """Everything from DEBUG up, the libraries' own lines included."""
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()


def ask(company, **options):
    return call_ai(
        Call(company_id=company.pk, operation="decision", system="Be brief.", user=f"Who is {SECRET}?", **options)
    )


def test_every_line_of_a_call_names_it_its_company_and_its_hold(company, upstream, lines):
    upstream.misbehave("rate_limit")

    ask(company)

    hold_id = str(Hold.objects.get().pk)
    assert [line["event"] for line in lines.ours] == ["call_started", "attempt_failed", "call_settled"]
    assert {(line["company_id"], line["hold_id"], line["operation"]) for line in lines.ours} == {
        (company.pk, hold_id, "decision")
    }
    assert len({line["call_id"] for line in lines.ours}) == 1


def test_every_line_says_when_in_utc(lines):
    structlog.get_logger("ours").info("something_happened")
    logging.getLogger("theirs").info("something else happened")

    for line in map(json.loads, lines.text.getvalue().splitlines()):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", line["timestamp"])
        assert abs(datetime.now(UTC) - datetime.fromisoformat(line["timestamp"])) < timedelta(minutes=1)


def test_a_call_that_fails_names_its_end(company, upstream, lines):
    upstream.misbehave("quota")

    with pytest.raises(CallFailed):
        ask(company)

    assert [line["event"] for line in lines.ours] == ["call_started", "attempt_failed", "call_failed"]
    assert {line["hold_id"] for line in lines.ours} == {str(Hold.objects.get().pk)}
    assert all(line["call_id"] and line["company_id"] == company.pk for line in lines.ours)


@pytest.mark.parametrize(
    ("make", "operation"),
    [
        (lambda company: ask(company, idempotency_key="k"), "decision"),
        (lambda company: embed_ai(texts(company, "a", idempotency_key="k")), "scoring"),
    ],
)
def test_a_repeat_says_that_it_is_one(company, upstream, lines, make, operation):
    make(company)
    first = {line["call_id"] for line in lines.ours}

    make(company)

    replayed = lines.ours[-1]
    assert [line["event"] for line in lines.ours] == ["call_started", "call_settled", "call_replayed"]
    assert (replayed["company_id"], replayed["operation"]) == (company.pk, operation)
    assert replayed["hold_id"] == str(Hold.objects.get().pk)
    assert replayed["call_id"] not in first


@pytest.mark.parametrize("fault", [None, "rate_limit", "quota", "disconnect", "garbage"])
def test_no_line_holds_what_was_asked_or_answered_or_a_key(company, upstream, lines, settings, fault):
    if fault:
        upstream.misbehave(*[fault] * 3)
    answer = ""
    try:
        answer = ask(company, idempotency_key="k").text
    except CallFailed:
        assert fault

    text = lines.text.getvalue()
    assert "call_started" in text
    for secret in filter(None, (SECRET, "grace@example.com", "Be brief.", upstream.key, answer)):
        assert secret not in text


def test_a_line_tells_its_level_its_logger_and_its_error_and_none_below_the_level_is_written(lines):
    logging.getLogger().setLevel(logging.INFO)
    logger = structlog.get_logger("ai_gateway.somewhere")

    logger.debug("too_quiet")
    logger.warning("odd", number=1)
    try:
        raise ValueError("no such thing")
    except ValueError:
        logger.exception("broken")

    odd, broken = lines.ours
    assert (odd["event"], odd["level"], odd["logger"], odd["number"]) == ("odd", "warning", "ai_gateway.somewhere", 1)
    assert (broken["event"], broken["level"]) == ("broken", "error")
    assert broken["exception"].endswith("ValueError: no such thing")


def test_handlers_that_others_add_get_the_level_and_the_time_of_a_line(caplog):
    before = time.time()

    structlog.get_logger("ai_gateway.somewhere").error("broken", number=1)

    [record] = caplog.records
    assert (record.name, record.levelno, record.levelname) == ("ai_gateway.somewhere", logging.ERROR, "ERROR")
    assert (record.msg["event"], record.msg["number"]) == ("broken", 1)
    assert before <= record.created <= time.time()
