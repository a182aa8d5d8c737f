"""The provider of calls that are killed, as the gateway's tests use it, and a database server to be killed."""

from collections.abc import Iterator

import pytest

from tests.ai_gateway.conftest import running_sandbox, upstream
from tests.tokens.proof.own_server import OwnServer, connected_to, running_server

__all__ = ["running_sandbox", "upstream"]


@pytest.fixture(scope="session")
def running_own_server(django_db_setup: None) -> Iterator[OwnServer]:
    """One server per test process."""
    with running_server() as server:
        yield server


@pytest.fixture
def own_server(committed_db: None, running_own_server: OwnServer) -> Iterator[OwnServer]:
    """Let the test's connections lead to a server that the test may stop."""
    with connected_to(running_own_server):
        yield running_own_server
