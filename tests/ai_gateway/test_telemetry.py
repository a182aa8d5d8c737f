"""What a call leaves in counts and spans: its life is played without a database or a provider."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from opentelemetry import metrics as otel_metrics
from opentelemetry import trace
from opentelemetry.trace import SpanContext, TraceFlags, get_current_span

from ai_gateway import tracing
from ai_gateway.effects import Candidate
from ai_gateway.errors import AccessRefused, CallFailed
from ai_gateway.life import live
from ai_gateway.metrics import REGISTRY
from ai_gateway.providers.errors import ProviderQuotaSpent
from ai_gateway.routing import Route
from tests.ai_gateway.test_life import call, ended, held, plan, reply
from tests.ai_gateway.test_life_when_providers_are_down import break_down
from tokens.errors import InsufficientTokens
from tokens.services.movements import PlacedHold


class Counts:
    """How much the counts of this process grew since the test began."""

    def __init__(self) -> None:
        self.before = self._read()

    @staticmethod
    def _read() -> dict[tuple, float]:
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for metric in REGISTRY.collect()
            for sample in metric.samples
            if not sample.name.endswith(("_created", "_bucket", "_sum", "_state"))
        }

    def grown(self) -> dict[tuple, float]:
        now = self._read()
        grown = {key: value - self.before.get(key, 0) for key, value in now.items()}
        return {key: value for key, value in grown.items() if value}


@pytest.fixture
def counts():
    return Counts()


def test_an_answered_call_is_counted_with_its_tokens(counts):
    life = live(call())
    held(life)
    life.send(reply(input_uncached=90, output=10))
    ended(life)

    assert counts.grown() == {
        ("winnow_ai_calls_total", "answered", "api", "first"): 1,
        ("winnow_ai_call_seconds_count", "api", "first"): 1,
        ("winnow_ai_attempts_total", "answered", "first"): 1,
        ("winnow_ai_attempt_seconds_count", "first"): 1,
        ("winnow_ai_tokens_total", "api", "first", "input"): 90,
        ("winnow_ai_tokens_total", "api", "first", "output"): 10,
        ("winnow_ai_charged_tokens_total", "api"): 100,
    }


def test_each_attempt_is_counted_by_its_provider_and_outcome(counts):
    life = live(call(Candidate(Route("first", "a"), plan()), Candidate(Route("second", "b"), plan())))
    held(life)
    life.throw(ProviderQuotaSpent("spent", delivery="refused"))
    life.send(2)
    life.send(reply(output=1))
    ended(life)

    grown = counts.grown()
    assert grown["winnow_ai_attempts_total", "first", "provider_quota_spent"] == 1
    assert grown["winnow_ai_attempts_total", "answered", "second"] == 1
    assert grown["winnow_ai_calls_total", "answered", "api", "second"] == 1


def refuse(life):
    next(life)
    with pytest.raises(AccessRefused):
        life.throw(InsufficientTokens(0, 100, 0))


def fail(life):
    held(life)
    life.throw(ProviderQuotaSpent("spent", delivery="refused"))
    with pytest.raises(CallFailed):
        life.send(None)


def interrupt(life):
    held(life)
    life.throw(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        life.send(None)


def leave(life):
    held(life)
    life.close()


def replay(life):
    next(life)
    ended(life, PlacedHold(UUID(int=7), 0, is_replay=True))


@pytest.mark.parametrize(
    ("end", "provider", "outcome"),
    [
        (refuse, "", "no_tokens_remaining"),
        (fail, "first", "provider_quota_spent"),
        (interrupt, "first", "interrupted"),
        (leave, "first", "interrupted"),
        (replay, "", "replayed"),
    ],
)
def test_every_end_has_its_name(counts, end, provider, outcome):
    end(live(call(key="k")))

    calls = {key: value for key, value in counts.grown().items() if key[0] == "winnow_ai_calls_total"}
    assert calls == {("winnow_ai_calls_total", *sorted(("api", provider, outcome))): 1}


def test_a_call_that_was_not_made_is_counted(counts, settings):
    break_down("first", settings)
    with pytest.raises(CallFailed):
        next(live(call()))
    assert counts.grown()["winnow_ai_calls_total", "", "api", "provider_circuit_open"] == 1


# OpenTelemetry ---------------------------------------------------------------------------------------------------


class RecordedSpan(trace.NonRecordingSpan):
    """A span that keeps what it is told."""

    def __init__(self, number, name, parent, options):
        super().__init__(SpanContext(1, number, is_remote=False, trace_flags=TraceFlags(1)))
        self.name, self.parent, self.kind = name, parent, options.get("kind")
        self.attributes = dict(options.get("attributes") or {})
        self.status, self.is_ended = None, False

    def set_attributes(self, attributes):
        self.attributes |= attributes

    def set_status(self, status, description=None):
        self.status = status.status_code.name

    def end(self, end_time=None):
        self.is_ended = True


@dataclass
class Recorder:
    """Tracer and meter in one."""

    spans: list[RecordedSpan] = field(default_factory=list)
    measured: list[tuple[str, float, dict]] = field(default_factory=list)

    def start_span(self, name, context=None, **options):
        self.spans.append(RecordedSpan(len(self.spans) + 1, name, get_current_span(context), options))
        return self.spans[-1]

    def create_histogram(self, name, **_options):
        recorder = self

        class Histogram:
            def record(self, amount, attributes):
                recorder.measured.append((name, amount, attributes))

        return Histogram()


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(trace, "get_tracer", lambda _name: recorder)
    monkeypatch.setattr(otel_metrics, "get_meter", lambda _name: recorder)
    tracing._instruments.cache_clear()
    yield recorder
    tracing._instruments.cache_clear()


def live_through(*candidates):
    life = live(call(*candidates))
    held(life)
    if len(candidates) > 1:
        life.throw(ProviderQuotaSpent("spent", delivery="refused"))
        life.send(2)
    life.send(reply(input_uncached=80, cache_read=10, output=10, output_reasoning=4))
    ended(life)


def test_it_is_off_unless_configured(recorder):
    live_through(Candidate(Route("first", "a"), plan()))
    assert (recorder.spans, recorder.measured) == ([], [])


def test_a_call_is_a_span_and_each_attempt_one_below_it(recorder, settings):
    settings.OPENTELEMETRY = True

    live_through(Candidate(Route("first", "a"), plan()), Candidate(Route("second", "b"), plan()))

    whole, first, second = recorder.spans
    assert [span.name for span in recorder.spans] == ["winnow.call api", "chat a", "chat b"]
    assert (first.parent, second.parent) == (whole, whole)
    assert all(span.is_ended for span in recorder.spans)
    assert {"winnow.outcome": "answered", "winnow.company_id": 1, "winnow.charged_tokens": 100}.items() <= (
        whole.attributes.items()
    )
    assert (first.status, first.attributes["error.type"]) == ("ERROR", "provider_quota_spent")
    assert second.status is None
    assert second.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "second",
        "gen_ai.request.model": "b",
        "gen_ai.response.model": "a",
        "gen_ai.response.id": "",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 90,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 10,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 4,
    }


def test_durations_and_tokens_are_measured(recorder, settings):
    settings.OPENTELEMETRY = True

    live_through(Candidate(Route("first", "a"), plan()))

    names = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "first", "gen_ai.request.model": "a"}
    (duration, seconds, attributes), *tokens = recorder.measured
    assert (duration, attributes) == ("gen_ai.client.operation.duration", names)
    assert 0 <= seconds < 5
    assert tokens == [
        ("gen_ai.client.token.usage", 90, {**names, "gen_ai.token.type": "input"}),
        ("gen_ai.client.token.usage", 10, {**names, "gen_ai.token.type": "output"}),
    ]


def test_a_life_that_nobody_drives_ends_its_spans(recorder, settings):
    settings.OPENTELEMETRY = True
    leave(live(call()))
    assert [(span.is_ended, span.attributes.get("error.type")) for span in recorder.spans] == [
        (True, None),
        (True, "interrupted"),
    ]
