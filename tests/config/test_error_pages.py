"""Error pages, served as production serves them, do not keep database connections."""

import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from tests.browser.site import serve_site
from tests.config.embedded_programs import wait_until
from tests.tenants.factories import UserFactory

REQUESTS = 40


@pytest.fixture
def session_cookie(committed_db) -> str:
    client = Client()
    client.force_login(UserFactory.create())
    return f"sessionid={client.cookies['sessionid'].value}"


def ask(site: str, cookie: str) -> int:
    asked = http.client.HTTPConnection(site.removeprefix("http://"), timeout=20)
    try:
        asked.request("GET", "/nowhere", headers={"Cookie": cookie})
        return asked.getresponse().status
    finally:
        asked.close()


def count_other_connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return cursor.fetchone()[0]


def test_a_flood_of_missing_pages_leaves_no_connection_open(session_cookie):
    with serve_site() as site:
        with ThreadPoolExecutor(16) as visitors:
            statuses = list(visitors.map(lambda _n: ask(site, session_cookie), range(REQUESTS)))

        assert statuses == [404] * REQUESTS
        wait_until(lambda: count_other_connections() == 0)  # the last one is closed after its answer was sent
