from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from redis.exceptions import ConnectionError as RedisConnectionError


def test_alive_needs_neither_database_nor_cache(client):
    with patch.object(cache, "get", side_effect=AssertionError), patch.object(cache, "set", side_effect=AssertionError):
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_when_database_and_cache_can_be_used(client):
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "database": "ok", "cache": "ok"})
    assert "no-store" in response.headers["Cache-Control"]


def test_not_ready_without_the_database(client):
    with patch.object(connection, "cursor", side_effect=OperationalError("connection refused by 10.0.0.7")):
        response = client.get("/readyz")
    assert (response.status_code, response.json()["database"], response.json()["cache"]) == (503, "unavailable", "ok")
    assert "10.0.0.7" not in response.content.decode()


@pytest.mark.django_db
def test_not_ready_without_the_cache(client):
    with patch.object(cache, "set", side_effect=RedisConnectionError):
        response = client.get("/readyz")
    assert (response.status_code, response.json()["database"], response.json()["cache"]) == (503, "ok", "unavailable")


@pytest.mark.django_db
def test_not_ready_when_the_cache_forgets_at_once(client):
    with patch.object(cache, "get", return_value=None):
        assert client.get("/readyz").status_code == 503
