import pytest

from tenants.checks import check_rate_limits_are_shared


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache"])
def test_a_cache_that_processes_do_not_share_is_warned_of(settings, backend):
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}
    assert [warning.id for warning in check_rate_limits_are_shared()] == ["tenants.W001"]


def test_a_shared_cache_is_fine(settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
    assert check_rate_limits_are_shared() == []
