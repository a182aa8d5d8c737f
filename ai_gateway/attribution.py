"""Whose call it is: application, then job, then user, then nobody (requirement A2)."""

import structlog

from ai_gateway.errors import Unattributed
from tenants.models import User
from tokens.directory import find_company_of
from tokens.selectors import find_only_company_id
from tokens.services.holds import Attribution

logger = structlog.get_logger(__name__)


def attribute(company_id: int | None, attribution: Attribution) -> int:
    """Return the company that pays for a call, and make sure that everything the call names is that company's.

    Raises:
        Unattributed: no company follows, or the call names things of two companies. There is no fallback: to charge
            the first company in the table would be to mis-bill.
    """
    owners = {
        owner
        for kind, thing in (("application", attribution.application_id), ("job", attribution.job_id))
        if thing is not None and (owner := find_company_of(kind, thing)) is not None
    }
    if company_id is not None:
        owners.add(company_id)
    if not owners and attribution.user_id is not None:
        owners |= _company_of_user(attribution.user_id)
    if len(owners) != 1:
        logger.error("call_unattributed", companies=sorted(owners), application_id=str(attribution.application_id))
        raise Unattributed("The call cannot be attributed to one company.")
    return owners.pop()


def _company_of_user(user_id: int) -> set[int]:
    user = User.objects.filter(pk=user_id).first()
    company_id = find_only_company_id(user) if user else None
    return set() if company_id is None else {company_id}
