"""Which addresses may be connected to on a caller's word."""

import ipaddress

import pytest

from ai_gateway.providers.public_addresses import is_public

PUBLIC = ["1.1.1.1", "93.184.215.14", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "168.63.129.17"]
PUBLIC += ["223.255.255.255", "192.0.1.0", "198.17.255.255", "198.20.0.0", "126.255.255.255", "128.0.0.0"]
PUBLIC += ["2606:4700:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888", "2001:200::1", "2003::1"]

NOT_PUBLIC = {
    "this network": ["0.0.0.0", "0.1.2.3"],
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "unspecified": ["::"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1", "fec0::1"],
    "carrier's": ["100.64.0.1", "100.127.255.255"],
    "link-local": ["169.254.0.1", "fe80::1", "fe80::1%eth0"],
    "metadata": ["169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "broadcast and reserved": ["255.255.255.255", "240.0.0.1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "mapped IPv4": ["::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254", "::ffff:1.1.1.1"],
    "compatible IPv4": ["::127.0.0.1", "::7f00:1"],
    "6to4": ["2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:101:101::1", "192.88.99.1"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "64:ff9b::101:101"],
    "Teredo": ["2001:0:7f00:1::", "2001::1"],
    "others": ["100::1", "5f00::1", "4000::1", "2620:4f:8000::1"],
    "no addresses": ["", "example.com", "127.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "1.1.1.1 ", "1.1.1"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", [address for addresses in NOT_PUBLIC.values() for address in addresses])
def test_not_public(address):
    assert not is_public(address)


def test_no_address_is_public_that_python_knows_not_to_be():
    """Of every block of 2**16 addresses the first, and of IPv6 the blocks of the first 16 bits."""
    addresses = [ipaddress.IPv4Address(block << 16) for block in range(2**16)]
    addresses += [ipaddress.IPv6Address(block << 112) for block in range(2**16)]
    public = [address for address in addresses if is_public(str(address))]

    assert [str(address) for address in public if not address.is_global or address.is_multicast] == []
    assert len(public) > 2**15
