"""Which of a caller's headers go on to the provider: those that say how the body is to be read."""

import re

from ai_gateway.http.errors import Refusal
from ai_gateway.http.requests import Request
from ai_gateway.wire.types import FormatName

_VERSION = re.compile(r"\d{4}-\d\d-\d\d")
# Those that change neither what is billed nor what is kept on the account that all companies share.
_BETAS = re.compile(
    r"(?:prompt-caching|extended-cache-ttl|interleaved-thinking|fine-grained-tool-streaming|token-efficient-tools|"
    r"output-128k|structured-outputs|context-1m)-\d{4}-\d\d-\d\d"
)


def list_upstream_headers(request: Request, format_name: FormatName) -> dict[str, str]:
    """Return the headers to send on; raises ``Refusal`` for a beta of Anthropic's that is not known to be metered."""
    headers = {"X-Client-Request-Id": request.id}
    if format_name != "messages":
        return headers
    version = request.header(b"anthropic-version")
    if _VERSION.fullmatch(version):
        headers["anthropic-version"] = version
    betas = [beta for given in request.header(b"anthropic-beta").split(",") if (beta := given.strip())]
    for beta in betas:
        if not _BETAS.fullmatch(beta):
            message = f"anthropic-beta: '{beta}' is not supported here, because what it uses could not be metered."
            raise Refusal(400, "unsupported_beta", message, "anthropic-beta")
    if betas:
        headers["anthropic-beta"] = ",".join(betas)
    return headers
