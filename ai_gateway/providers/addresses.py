"""Where providers are."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from ai_gateway.providers.types import ProviderKind

# A compatible server is wherever staff say.
DEFAULT_ADDRESSES: Mapping[ProviderKind, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
}


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's, by its own name for itself."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
