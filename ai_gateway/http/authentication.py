"""Whose key a request carries, and what that may do."""

from math import ceil

from ai_gateway.http.errors import Refusal
from ai_gateway.http.remembering import Reads
from ai_gateway.http.requests import Request
from tenants.api_keys import KeyRing, KeyTerms
from tenants.rate_limits import RateLimits
from tenants.services import note_use


class Authenticator:
    """Finds the key of a request; what is remembered of it is a few seconds old at most."""

    def __init__(self, keys: KeyRing, limits: RateLimits, reads: Reads) -> None:
        self._keys = keys
        self._limits = limits
        self._reads = reads

    async def authenticate(self, request: Request) -> KeyTerms:
        """Return the key that a request carries, as either SDK sends it; raises ``Refusal``."""
        scheme, _, secret = request.header(b"authorization").partition(" ")
        secret = secret.strip() if scheme.lower() == "bearer" else request.header(b"x-api-key")
        if not secret:
            message = "No API key was sent. Send a company's key as 'Authorization: Bearer' or 'x-api-key'."
            raise Refusal(401, "missing_api_key", message, headers={"www-authenticate": "Bearer"})
        terms, is_renewal_due = self._keys.recall(secret)
        if terms is None:
            terms = await self._reads.run(lambda: self._keys.find(secret))
        elif is_renewal_due:
            self._reads.begin(self._keys.renew)
        if terms is None:
            raise Refusal(401, "invalid_api_key", "The API key is wrong or was revoked.")
        if not terms.is_active:
            raise Refusal(401, "expired_api_key", "The API key has expired.")
        await self._admit(terms)
        if self._keys.is_use_due(terms.id):
            self._reads.begin(lambda: note_use(terms.id))
        return terms

    async def _admit(self, terms: KeyTerms) -> None:
        if terms.requests_per_minute is None:
            return
        wait_seconds = await self._limits.admit(terms.id, terms.requests_per_minute)
        if wait_seconds is not None:
            message = f"The API key may make {terms.requests_per_minute} requests a minute."
            raise Refusal(429, "rate_limit_exceeded", message, headers={"retry-after": str(ceil(wait_seconds))})


def require_scope(terms: KeyTerms, scope: str) -> None:
    """Raise ``Refusal`` for a key that is not for such requests."""
    if scope not in terms.scopes:
        raise Refusal(403, "scope_missing", f"The API key lacks the scope '{scope}'.")


def require_model(terms: KeyTerms, *names: str) -> None:
    """Raise ``Refusal`` for a key that may not use a model, under any of its names."""
    if not terms.allows_model(*names):
        raise Refusal(403, "model_not_allowed", f"The API key may not use the model '{names[0]}'.", "model")
