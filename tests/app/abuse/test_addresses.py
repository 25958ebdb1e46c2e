"""Tests of app/abuse/addresses.py."""

from ipaddress import IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.abuse.addresses import MOST_ENTRIES, NOBODY, Client, ClientAddresses, Trusted, read_address

TEN = Trusted.read(["10.0.0.0/8", "fd00::/8"])


def of(trusted: Trusted, peer: str | None, *forwarded: str) -> Client:
    headers = [(b"host", b"x"), *((b"x-forwarded-for", value.encode("latin-1")) for value in forwarded)]
    return ClientAddresses(trusted).of({"client": None if peer is None else (peer, 1)}, headers)


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "key"),
    [
        ((), "8.8.8.8", ["198.51.100.1"], "8.8.8.8"),
        (("1",), "10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        (("1",), "10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        (("2",), "10.0.0.1", ["203.0.113.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        (("2",), "10.0.0.1", ["203.0.113.9", "198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        (("3",), "10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        (("1",), "10.0.0.1", [], "10.0.0.1"),
        (("1",), "10.0.0.1", ["unknown"], "10.0.0.1"),
        (("2",), "10.0.0.1", ["nonsense, 10.0.0.2"], "10.0.0.2"),
        (("10.0.0.0/8",), "10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.1", ["203.0.113.9, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.1", ["198.51.100.1", "10.9.9.9"], "198.51.100.1"),
        (("10.0.0.0/8",), "192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        (("10.0.0.0/8",), "10.0.0.1", ["10.0.0.7, 10.0.0.2"], "10.0.0.7"),
        (("10.0.0.0/8",), "10.0.0.1", ["198.51.100.1, _hidden, 10.0.0.2"], "10.0.0.2"),
        (("10.0.0.0/8",), "10.0.0.1", ["198.51.100.1,"], "10.0.0.1"),
        (("10.0.0.0/8",), "::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.1", ["[2001:db8:1:2:3::9]:4711"], "2001:db8:1:2::"),
        (("10.0.0.0/8",), "10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        (("10.0.0.0/8",), "10.0.0.1", ["fe80::1%eth0"], "fe80::"),
        (("10.0.0.0/8",), None, ["198.51.100.1"], "198.51.100.1"),
        (("fd00::/8",), "fd00::1", ["2001:db8::5"], "2001:db8::"),
    ],
)
def test_the_address_is_the_last_that_a_trusted_proxy_vouches_for(
    trusted: tuple[str, ...], peer: str | None, forwarded: list[str], key: str
) -> None:
    assert of(Trusted.read(trusted), peer, *forwarded) == Client(key, certain=True)


def test_behind_a_proxy_that_is_not_believed_clients_cannot_be_told_apart() -> None:
    assert of(Trusted(), "10.0.0.1", "198.51.100.1") == Client("10.0.0.1", certain=False)
    assert of(Trusted(), "10.0.0.1") == Client("10.0.0.1", certain=True)
    assert of(Trusted(), None) == Client(NOBODY, certain=False)
    # From the internet anybody can write the header: it must be no way around the limits.
    assert of(Trusted(), "8.8.8.8", "198.51.100.1").certain


@pytest.mark.parametrize(
    "text", ["", "unknown", "_secret", "1.2.3", "1.2.3.4:port", "[::1", "::1]", "[::1]:x", "a" * 5_000, "1.2.3.4, "]
)
def test_what_is_no_address(text: str) -> None:
    assert read_address(text) is None


@pytest.mark.parametrize("words", [["0"], ["21"], ["1", "10.0.0.0/8"], ["10.0.0.1/8"], ["proxy.example.com"], ["1" * 50], ["²"]])
def test_mistakes_of_operators_are_told(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"must be 1 to 20|is not a network"):
        Trusted.read(words)


v4 = st.ip_addresses(v=4)
anything = st.one_of(v4.map(str), st.ip_addresses(v=6).map(str), st.text(st.characters(codec="latin-1"), max_size=20))


@given(
    st.lists(anything, max_size=6),
    v4.filter(lambda a: a not in ip_network("10.0.0.0/8")),
    st.lists(st.integers(0, 255), max_size=4),
)
def test_nothing_that_a_client_writes_changes_what_trusted_proxies_saw(
    forged: list[str], client: object, hops: list[int]
) -> None:
    """The client writes what it likes; every trusted proxy on the way adds whom it was asked by."""
    chain = [str(client), *(f"10.1.1.{hop}" for hop in hops)]
    header = ", ".join([*forged, *chain])
    assert of(TEN, "10.0.0.1", header).key == str(client)
    assert of(Trusted(hops=len(chain)), "10.0.0.1", header).key == str(client)


@given(st.lists(anything, max_size=5), st.lists(anything, max_size=5), st.sampled_from([TEN, Trusted(hops=2)]))
def test_doubled_headers_are_one_list(first: list[str], second: list[str], trusted: Trusted) -> None:
    apart, joined = (", ".join(first), ", ".join(second)), ", ".join([*first, *second])
    if first and second:
        assert of(trusted, "10.0.0.1", *apart) == of(trusted, "10.0.0.1", joined)


@given(st.ip_addresses(v=6).filter(lambda a: a.ipv4_mapped is None), st.integers(0, 2**64 - 1))
def test_one_network_of_ipv6_is_one_client(address: IPv6Address, other: int) -> None:
    neighbour = IPv6Address((int(address) >> 64 << 64) | other)
    if neighbour.ipv4_mapped is None:
        assert of(Trusted(), str(address)).key == of(Trusted(), str(neighbour)).key


def test_a_list_without_end_is_not_read_to_its_end() -> None:
    header = ", ".join(["198.51.100.1", *["10.0.0.1"] * 5_000])
    assert of(TEN, "10.0.0.1", header).key == "10.0.0.1"
    assert of(TEN, "10.0.0.1", ", ".join(["198.51.100.1", *["10.0.0.1"] * (MOST_ENTRIES - 1)])).key == "198.51.100.1"


def test_long_headers_take_no_room() -> None:
    """Nor do many short ones: a thousand of them may come in one request."""
    addresses = ClientAddresses(Trusted(hops=1))
    for said in ([b"x" * 30_000 + b", 198.51.100.1"], [b"x" * 3] * 300 + [b"198.51.100.1"]):
        found = addresses.of({"client": ("10.0.0.1", 1)}, [(b"x-forwarded-for", value) for value in said])
        assert found.key == "198.51.100.1"
    assert addresses._remembered.cache_info().currsize == 0
    addresses.of({"client": ("10.0.0.1", 1)}, [(b"x-forwarded-for", b"198.51.100.1, 198.51.100.2")])
    assert addresses._remembered.cache_info().currsize == 1
