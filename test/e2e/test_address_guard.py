"""The address guard, against Python's own knowledge of special addresses."""
import ctypes
import ipaddress
import random
import subprocess

import pytest
from harness import ROOT


@pytest.fixture(scope="module")
def guard(tmp_path_factory):
    library = tmp_path_factory.mktemp("guard") / "guard.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror",
                    "-fsanitize=undefined", "-fno-sanitize-recover", f"-I{ROOT}/src",
                    "-o", library, ROOT / "src/worker/address_guard.c"], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.address_text_is_public.restype = ctypes.c_bool
    loaded.host_is_listed.restype = ctypes.c_bool
    return loaded


@pytest.fixture(scope="module")
def is_public(guard):
    return lambda address: guard.address_text_is_public(str(address).encode())


@pytest.fixture(scope="module")
def is_listed(guard):
    return lambda host, hosts, port=443: guard.host_is_listed(host.encode(), port, hosts.encode())


@pytest.mark.parametrize("address", [
    "0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
    "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.0", "172.31.255.255",
    "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.255.255", "198.18.0.1", "198.19.255.255",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8",
    "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:20::1",
    "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::1", "2002:c0a8:101::1", "3fff::1",
    "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "5f00::1",
    "no address", "", "1.2.3", "8.8.8.8 ", "0x8.8.8.8"])
def test_refused(is_public, address):
    assert not is_public(address)


@pytest.mark.parametrize("address", [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
    "198.17.255.255", "198.20.0.0", "223.255.255.255",
    "2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888", "2001:200::1",
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"])
def test_allowed(is_public, address):
    assert is_public(address)


def test_against_ipaddress(is_public):
    """Whatever Python calls not global is refused; for IPv4 the reverse holds, too."""
    random.seed(15)
    sixtofour_relays = ipaddress.ip_network("192.88.99.0/24")
    starts = [0, 0x0A000000, 0x64400000, 0x7F000000, 0xA9FE0000, 0xAC100000, 0xC0000000,
              0xC0586300, 0xC0A80000, 0xC6120000, 0xC6336400, 0xCB007100, 0xE0000000, 0xF0000000]
    numbers = [random.getrandbits(32) for _ in range(20_000)]
    numbers += [(start + offset) % 2 ** 32 for start in starts for offset in range(-300, 300)]
    for number in numbers:
        address = ipaddress.IPv4Address(number)
        expected = address.is_global and not address.is_multicast \
            and not address.is_reserved and address not in sixtofour_relays
        if address in ipaddress.ip_network("192.0.0.0/24"):
            expected = False  # Python lets 192.0.0.9 and .10 through
        assert is_public(address) == expected, address
        mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
        assert is_public(mapped) == expected, mapped
    for _ in range(50_000):
        address = ipaddress.IPv6Address(random.getrandbits(random.choice([128, 125, 64, 33])))
        if is_public(address) and address.ipv4_mapped is None:
            assert address.is_global and not address.is_multicast, address


@pytest.mark.parametrize("host, hosts, expected", [
    ("localhost", "localhost", True),
    ("LocalHost.", "localhost", True),
    ("localhost", " example.org , LOCALHOST ", True),
    ("[::1]", "::1", True),
    ("[::1]", "[::1]", True),
    ("127.0.0.1", "10.0.0.1,127.0.0.1", True),
    ("localhost", "", False),
    ("localhost", " , ,", False),
    ("", "localhost", False),
    (".", "localhost", False),
    ("local", "localhost", False),
    ("localhost", "local", False),
    ("evil.localhost", "localhost", False),
    ("localhost", "localhost.evil", False)])
def test_listed(is_listed, host, hosts, expected):
    assert is_listed(host, hosts) == expected


@pytest.mark.parametrize("host, port, hosts, expected", [
    ("127.0.0.1", 11434, "127.0.0.1:11434", True),
    ("127.0.0.1", 5432, "127.0.0.1:11434", False),
    ("127.0.0.1", 5432, "127.0.0.1:11434, 127.0.0.1:5432", True),
    ("127.0.0.1", 5432, "127.0.0.1:11434, 127.0.0.1", True),
    ("localhost", 80, "LOCALHOST:80", True),
    ("localhost", 8, "localhost:80", False),
    ("[::1]", 80, "[::1]:80", True),
    ("[::1]", 81, "[::1]:80", False),
    ("[::1]", 80, "::1", True),
    ("[::1:80]", 443, "::1:80", True),
    ("[::1]", 80, "::1:80", False),
    ("localhost", 80, "localhost:", False),
    ("localhost", 80, "localhost:080", True),
    ("localhost", 80, "localhost:4294967376", False),
    ("localhost", 80, ":80", False),
    ("80", 80, ":80", False)])
def test_listed_with_port(is_listed, host, port, hosts, expected):
    assert is_listed(host, hosts, port) == expected
