"""Companies with tokens, subscriptions and keys for the gateway's benchmark."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from billing.models import Plan, PriceVersion, Subscription
from tenants.models import Company, KeyScope, Membership, Role, User
from tenants.services import create_api_key
from tokens.models import Source
from tokens.services.grants import grant_tokens


def make_books(companies: int) -> list[str]:
    """Make the companies, each with a key, and return the keys' secrets."""
    now = timezone.now()
    PriceVersion.objects.create(
        provider="compatible",
        model="*",
        effective_from=now - timedelta(days=1),
        input_usd_per_million=Decimal("0.5"),
        output_usd_per_million=Decimal("2"),
        kind="listed",
        source="benchmark",
    )
    acting = User.objects.create_user("bench@example.com")
    secrets = []
    for number in range(companies):
        company = Company.objects.create(name=f"Company {number}", slug=f"company-{number}")
        grant_tokens(company_id=company.pk, amount_tokens=10**12, source=Source.ADJUSTMENT, source_id=None)
        Subscription.objects.create(
            company=company,
            plan=Plan.objects.get(code="starter"),
            period_starts_at=now - timedelta(days=1),
            period_ends_at=now + timedelta(days=30),
        )
        owner = Membership.objects.create(company=company, user=acting, role=Role.OWNER)
        secrets.append(create_api_key(name="bench", scopes=[KeyScope.INFERENCE], acting=owner)[1])
    return secrets
