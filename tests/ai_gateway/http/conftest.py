"""A company with a key, the gateway in front of the sandbox, and the real SDKs as callers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from django.utils import timezone

from ai_gateway import life
from ai_gateway.http import gateway as gateway_module
from billing.models import Plan, Subscription
from tenants.models import ApiKey, Company, KeyScope, Role
from tenants.services import create_api_key
from tests.ai_gateway.conftest import Upstream
from tests.ai_gateway.http.server import RunningGateway, serve_gateway
from tests.ai_gateway.small_internet import PUBLIC, SmallInternet, giving, picture, serve
from tests.tenants.factories import MembershipFactory
from tests.tokens.ledger import new_company
from tokens.models import Hold, UsageLog
from tokens.selectors.audit import audit_ledger

PICTURES_HOST = "pictures.example"
HELLO = {"model": "sandbox-rules-1", "messages": [{"role": "user", "content": "Hello?"}]}


@pytest.fixture(autouse=True)
def bounds(settings, tmp_path, monkeypatch):
    """Bounds that no test waits for, and no pauses between attempts but those that a provider asks for."""
    settings.AI_TIMEOUT_SECONDS = {"api": 20}
    settings.API_SILENCE_SECONDS = 20.0
    settings.API_DRAIN_SECONDS = 20.0
    settings.AI_MAX_ATTEMPTS = 2
    settings.SPOOL_DIR = tmp_path / "spool"
    monkeypatch.setattr(life.random, "uniform", lambda *_bounds: 0.0)


@pytest.fixture
def company(committed_db) -> Company:
    return subscribe(new_company(tokens=1_000_000))


def subscribe(company: Company) -> Company:
    """Put a company on a plan."""
    now = timezone.now()
    plan, _made = Plan.objects.get_or_create(code="starter", defaults={"name": "Starter", "tokens_per_period": 1})
    Subscription.objects.create(
        company=company,
        plan=plan,
        period_starts_at=now - timedelta(days=1),
        period_ends_at=now + timedelta(days=1),
    )
    return company


def make_key(company: Company, **options: Any) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret."""
    scopes = {"scopes": [KeyScope.INFERENCE, KeyScope.MODELS], **options}
    return create_api_key(name="test", acting=MembershipFactory(company=company, role=Role.OWNER), **scopes)


@pytest.fixture
def key(company) -> tuple[ApiKey, str]:
    return make_key(company)


@pytest.fixture
def secret(key) -> str:
    return key[1]


@pytest.fixture
def upstream(upstream, settings) -> Upstream:
    """Make the sandbox the provider of both formats, with the price that it has."""
    providers = settings.AI_PROVIDERS
    settings.AI_PROVIDERS = {"sandbox": providers["sandbox"], "sandbox-anthropic": providers["anthropic"]}
    return upstream


@pytest.fixture
def gateway(company, upstream) -> Iterator[RunningGateway]:
    with serve_gateway() as running:
        yield running


@dataclass(frozen=True)
class Books:
    """What the ledger and the provider say once every call has ended."""

    logs: list[UsageLog]
    requests: list[dict[str, Any]]


@dataclass(frozen=True)
class Bookkeeper:
    gateway: RunningGateway
    upstream: Upstream

    def close(self) -> Books:
        """Stop the gateway and see that the books are in order: an attempt's log for each request, and no open hold."""
        self.gateway.stop()
        assert [result for result in audit_ledger() if not result.holds] == []
        assert not Hold.objects.filter(state="open").exists()
        logs = list(UsageLog.objects.order_by("started_at", "attempt_number"))
        asked = [request for request in self.upstream.requests if "count_tokens" not in str(request["path"])]
        assert len(logs) == len(asked)
        return Books(logs, asked)


@pytest.fixture
def books(gateway, upstream) -> Bookkeeper:
    return Bookkeeper(gateway, upstream)


@pytest.fixture
def client(gateway, secret) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=secret, base_url=f"{gateway.root_url}/v1", max_retries=0) as made:
        yield made


@pytest.fixture
def claude(gateway, secret) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=secret, base_url=gateway.root_url, max_retries=0) as made:
        yield made


@pytest.fixture
def http(gateway, secret) -> Iterator[httpx2.Client]:
    """A client without an SDK's opinions, with the key."""
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx2.Client(base_url=gateway.root_url, headers=headers, trust_env=False) as made:
        yield made


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallInternet]:
    """A server of pictures that is an internet by itself."""
    with serve(tmp_path_factory.mktemp("tls"), PICTURES_HOST) as internet:
        yield internet


@pytest.fixture
def internet(pictures: SmallInternet, monkeypatch: pytest.MonkeyPatch) -> SmallInternet:
    """The gateway's internet, with two pictures; to be set up before the gateway is (``usefixtures``)."""
    pictures.names = {PICTURES_HOST: [PUBLIC], "inside.example": ["10.0.0.1"]}
    pictures.pages = {"/cat": giving(picture()), "/dog": giving(picture("JPEG", (64, 64)))}
    for seen in (pictures.connections, pictures.requests, pictures.lookups):
        seen.clear()
    monkeypatch.setattr(gateway_module, "Internet", lambda: pictures)
    return pictures
