"""What Prometheus reads, and who may."""

import os
import subprocess
import sys
from unittest.mock import patch

import pytest
from django.db import OperationalError

from ai_gateway.breakers import get_breaker
from tests.tokens.ledger import hold, new_company, used
from tokens.services import spool
from tokens.services.holds import Closing, settle_hold

pytestmark = pytest.mark.django_db

TOKEN = {"HTTP_AUTHORIZATION": "Bearer s3cret"}


@pytest.fixture(autouse=True)
def token(settings, tmp_path):
    settings.METRICS_TOKEN = "s3cret"
    settings.SPOOL_DIR = tmp_path


def read(client) -> dict[str, float]:
    response = client.get("/metrics", **TOKEN)
    assert response.status_code == 200
    lines = response.content.decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HTTP_AUTHORIZATION": "Bearer wrong"},
        {"HTTP_AUTHORIZATION": "s3cret"},
        {"HTTP_AUTHORIZATION": "Bearer "},
        {"HTTP_AUTHORIZATION": "Basic s3cret"},
    ],
)
def test_without_the_token_there_is_no_such_page(client, headers):
    assert client.get("/metrics", **headers).status_code == 404


def test_no_token_is_none_that_fits(client, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("10.1.2.3", {}, 200),
        ("11.1.2.3", {}, 404),
        ("10.1.2.3", {"HTTP_X_FORWARDED_FOR": "10.1.2.3"}, 404),
        ("10.1.2.3", {"HTTP_FORWARDED": "for=10.1.2.3"}, 404),
        ("", {}, 404),
    ],
)
def test_a_network_is_let_in_unless_it_asks_through_a_proxy(client, settings, address, headers, status):
    settings.METRICS_NETWORKS = ["10.0.0.0/8"]
    assert client.get("/metrics", REMOTE_ADDR=address, **headers).status_code == status


def test_the_state_of_the_ledger_is_told(client):
    company, owing = new_company(tokens=1000), new_company(tokens=10, slug="owing")
    hold(company, 300)
    hold(company, 200, lease=-1)
    settle_hold(hold_id=hold(owing, 10).hold_id, usages=[used(35)], answer=None)
    spool.write(Closing.settling(hold(company, 1).hold_id, [used(1)], None))

    found = read(client)

    assert {name.removeprefix("winnow_"): value for name, value in found.items() if "_ai_" not in name} == {
        "spool_settlements": 1,
        "spool_unreadable": 0,
        "database_up": 1,
        "open_holds": 3,
        "held_tokens": 501,
        "overdue_holds": 1,
        "companies_in_debt": 1,
        "debt_tokens": 25,
    }


def test_breakers_are_told(client, settings):
    for _ in range(settings.AI_BREAKER_FAILURES):
        get_breaker("one").fail()
    get_breaker("two").admit()

    found = read(client)

    assert found['winnow_ai_breaker_state{provider="one"}'] == 2
    assert found['winnow_ai_breaker_state{provider="two"}'] == 0


def test_without_the_database_the_rest_is_told(client):
    with patch("config.metrics.read_gauges", side_effect=OperationalError("10.0.0.7 is away")):
        found = read(client)
    assert (found["winnow_database_up"], found["winnow_spool_settlements"]) == (0, 0)
    assert "winnow_open_holds" not in found


COUNT = """
from ai_gateway.metrics import CALLS
CALLS.labels("api", "one", "answered").inc(3)
"""
ASK = """
import django
django.setup()
from config.metrics import _calls
from prometheus_client import generate_latest
print(generate_latest(_calls()).decode())
"""


def run_alone(program, folder) -> str:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "config.test"}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_processes_that_share_a_folder_are_added_up(tmp_path):
    run_alone("import django; django.setup()" + COUNT, tmp_path)
    run_alone("import django; django.setup()" + COUNT, tmp_path)

    assert 'winnow_ai_calls_total{operation="api",outcome="answered",provider="one"} 6.0' in run_alone(ASK, tmp_path)
