"""What all requests to one process share: connections, and what is remembered of the database."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ai_gateway.accounting import Tariff
from ai_gateway.admission import admit
from ai_gateway.calibration import find_input_factor
from ai_gateway.errors import AccessRefused
from ai_gateway.http.attribution import Attributor
from ai_gateway.http.authentication import Authenticator
from ai_gateway.http.catalog import Catalog, no_such_model, read_catalog
from ai_gateway.http.errors import Refusal, explain
from ai_gateway.http.remembering import Reads, Remembered
from ai_gateway.operations import API_OPERATION, lease_seconds, timeout_seconds
from ai_gateway.provider_keys import find_own_providers, find_provider_key
from ai_gateway.providers.image_fetching import ImageFetcher
from ai_gateway.providers.internet import Internet
from ai_gateway.providers.registry import ProviderAccount, get_account
from ai_gateway.providers.upstream import TimeLimits, Upstream
from ai_gateway.routing import Route, find_fallbacks
from ai_gateway.ways import Way, find_ways
from ai_gateway.wire.types import FormatName
from billing.access import AccessDecision, Terms, check_ai_access
from billing.remembering import Remembered as RememberedByThreads
from tenants.api_keys import KeyRing
from tenants.rate_limits import RateLimits
from tokens.services.async_ledger import AsyncLedger

OPERATION = API_OPERATION

# How late this process notices what others changed: a subscription ended, a model priced.
_TERMS_SECONDS = 5.0
_CATALOG_SECONDS = 2.0  # whose keys there are, and so which models


@dataclass(frozen=True)
class Admission:
    """How calls on one route are charged, by what their input's bound is raised, and on whose account they are made.

    ``api_key`` is the company's own, None where the platform's is used. ``fallbacks`` are what may be asked in the
    place of this model when its provider is down. ``answer_days`` is for how long the company wants answers kept.
    """

    route: Route
    tariff: Tariff
    input_factor: Decimal
    account: ProviderAccount
    api_key: str | None = field(default=None, repr=False)
    fallbacks: Sequence["Admission"] = ()
    answer_days: int | None = None


class Gateway:
    """One per event loop, opened and closed by it."""

    def __init__(self, keys: KeyRing) -> None:
        self.ledger = AsyncLedger(connections_at_most=settings.API_DATABASE_CONNECTIONS)
        self.reads = reads = Reads()
        self._rate_limits = RateLimits(settings.REDIS_URL)
        self.authenticator = Authenticator(keys, self._rate_limits, reads)
        self.attributor = Attributor(reads)
        seconds = float(timeout_seconds(OPERATION))
        self.lease_seconds = lease_seconds(OPERATION)
        self.whole_limits = TimeLimits(seconds, seconds)  # a model may think for all of that before its first byte
        self.stream_limits = TimeLimits(seconds, settings.API_SILENCE_SECONDS)
        self._admissions = Remembered(reads, _admit, seconds=_TERMS_SECONDS)
        self._catalogs = Remembered(reads, self._read_catalog, seconds=_CATALOG_SECONDS)
        self._catalogs_by_keys = RememberedByThreads(read_catalog, seconds=_TERMS_SECONDS)
        self._decisions = Remembered(reads, _decide, seconds=_TERMS_SECONDS)
        self._upstreams: dict[str, Upstream] = {}
        self.images = ImageFetcher(Internet(), allows_http=settings.API_IMAGE_URLS_OVER_HTTP)

    async def open(self) -> None:
        """Begin to connect to the database; does not wait for it."""
        await self.ledger.open()

    async def close(self) -> None:
        """Close every connection."""
        for upstream in self._upstreams.values():
            await upstream.close()
        await self.ledger.close()
        await self._rate_limits.close()
        self.images.close()
        self.reads.close()

    async def admit(self, company_id: int, route: Route) -> Admission:
        """Return how a company's calls on a route are charged and bounded. The balance is not looked at.

        Raises:
            AccessRefused: for its subscription, or for a model without a price.
            Refusal: the provider cannot be used any more, such as after the company's own key was removed.
            ProviderKeyUnreadable: the company has a key that cannot be decrypted.
        """
        return await self._admissions.get((company_id, route))

    async def explain_access(self, error: AccessRefused, company_id: int, format_name: FormatName) -> Refusal:
        """Tell a caller why its company may not make a call, with the numbers of requirement C3."""
        refusal = explain(error, format_name)
        try:
            decision = await self._decisions.get(company_id)
        except Exception as failure:
            return explain(failure, format_name)
        numbers: dict[str, Any] = {
            "success": False,
            "error_code": error.reason,
            "tokens_remaining": decision.tokens_remaining,
            "original_tokens": decision.original_tokens,
            "consumed_tokens": decision.consumed_tokens,
            "days_remaining": decision.days_remaining,
        }
        return replace(refusal, details={**refusal.details, **numbers})

    async def read_catalog(self, company_id: int) -> Catalog:
        """Return the models that a company can ask for."""
        return await self._catalogs.get(company_id)

    def choose_upstream(self, account: ProviderAccount) -> Upstream:
        """Return the provider of an account, to be asked with that account's key."""
        upstream = self._upstreams.get(account.name)
        if upstream is None:
            upstream = self._upstreams[account.name] = Upstream(account)
        return upstream if upstream.account == account else upstream.under(account)

    def _read_catalog(self, company_id: int) -> Catalog:
        """Read it once for all companies that have keys of their own at the same providers."""
        return self._catalogs_by_keys.get(find_own_providers(company_id))


def _admit(asked: tuple[int, Route]) -> Admission:
    company_id, route = asked
    terms = admit(company_id)
    api_key = find_provider_key(company_id, route.provider)
    try:
        get_account(route.provider, api_key)
    except ImproperlyConfigured as error:  # the catalog is a little older than the keys
        raise no_such_model(route.model) from error
    [way] = find_ways([route], company_id=company_id, operation=OPERATION, terms=terms)
    fallbacks = [_admission(other) for other in _find_other_ways(company_id, route, terms)]
    return replace(_admission(way), fallbacks=fallbacks, answer_days=terms.answer_days)


def _find_other_ways(company_id: int, route: Route, terms: Terms) -> list[Way]:
    """Return the other ways, paid for as ``route`` is: by the company's own accounts, or by the platform's."""
    others = find_fallbacks(route, company_id)
    if not others:
        return []
    ways = find_ways([route, *others], company_id=company_id, operation=OPERATION, terms=terms)
    return [way for way in ways if way.route != route]


def _admission(way: Way) -> Admission:
    account = get_account(way.route.provider, way.api_key)
    return Admission(way.route, way.tariff, find_input_factor(way.route), account, way.api_key)


def _decide(company_id: int) -> AccessDecision:
    return check_ai_access(company_id, estimated_tokens=0)
