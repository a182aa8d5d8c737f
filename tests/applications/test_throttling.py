"""Whose request it is: by the addresses that can be believed."""

import pytest
from django.test import RequestFactory

from applications.views.throttling import client_network


def network(settings, *, proxies=0, forwarded="", remote="198.51.100.7"):
    settings.TRUSTED_PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return client_network(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote))


def test_without_proxies_only_the_connection_counts(settings):
    assert network(settings, forwarded="203.0.113.1") == "198.51.100.7"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "10.0.0.1, 203.0.113.1", "203.0.113.1"),  # what the client says of itself is not believed
        (2, "203.0.113.1, 192.0.2.4", "203.0.113.1"),
        (2, "203.0.113.1", "198.51.100.7"),  # fewer hops than we have proxies: not ours
        (1, "", "198.51.100.7"),
        (1, "nonsense", "unknown"),
    ],
)
def test_behind_proxies_the_hop_that_ours_added_counts(settings, proxies, forwarded, found):
    assert network(settings, proxies=proxies, forwarded=forwarded) == found


@pytest.mark.parametrize(
    ("remote", "found"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("", "unknown"),
    ],
)
def test_an_ipv6_subscriber_is_one_network(settings, remote, found):
    assert network(settings, remote=remote) == found
