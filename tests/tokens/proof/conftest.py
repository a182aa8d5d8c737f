"""The provider of calls that are killed: the sandbox, as the gateway's tests use it."""

from tests.ai_gateway.conftest import running_sandbox, upstream

__all__ = ["running_sandbox", "upstream"]
