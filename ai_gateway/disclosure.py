"""What pages have to say about who answers."""

from django.conf import settings

from ai_gateway.providers.registry import is_sandbox_provider
from ai_gateway.routing import find_chain, parse_chain

_HIRING = ("cv_parse", "cv_analyze", "scoring", "decision")


def is_sandbox_alone(company_id: int | None) -> bool:
    """Tell whether rules, not AI, do all the screening of a company; without one, of those that chose nothing."""
    chains = [find_chain(operation, company_id) for operation in _HIRING if operation in settings.AI_OPERATIONS]
    try:
        return all(is_sandbox_provider(route.provider) for chain in chains for route in parse_chain(chain))
    except ValueError:  # a chain names no model: nothing is done by anybody
        return False


def is_sandbox_model(name: str) -> bool:
    """Tell whether a ``provider/model`` that answered is the sandbox; no name is none."""
    return is_sandbox_provider(name.partition("/")[0])
