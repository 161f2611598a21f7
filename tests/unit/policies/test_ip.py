"""ip: which addresses may call."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contracts import Tools
from gateway.errors import ADDRESS_DENIED, GatewayError
from gateway.policies.ip import policy as ip
from gateway.policies.ip.options import IpRules
from tests.exchanges import exchange

TOOLS = Tools("item", lambda: 0.0, print)


def is_let_in(client: str, allow: tuple[str, ...] = (), deny: tuple[str, ...] = ()) -> bool:
    steps = ip.compile(IpRules(allow, deny, "f:1"), TOOLS)
    assert steps.on_request is not None and steps.on_response is None
    try:
        # The socket's other end is a proxy that is trusted: it is not what counts.
        assert steps.on_request(exchange(peer="10.9.9.9", client=client)) is None
    except GatewayError as error:
        assert error.kind is ADDRESS_DENIED
        assert client not in error.detail or not client, "the client is not told what it was taken for"
        return False
    return True


@pytest.mark.parametrize(
    ("client", "allow", "deny", "expected"),
    [
        ("192.0.2.1", (), (), True),
        ("192.0.2.1", ("192.0.2.0/24",), (), True),
        ("192.0.3.1", ("192.0.2.0/24",), (), False),
        ("192.0.3.1", ("192.0.2.0/24", "192.0.3.1"), (), True),
        ("192.0.2.1", (), ("192.0.2.1",), False),
        ("192.0.2.2", (), ("192.0.2.1",), True),
        ("192.0.2.1", ("192.0.2.1",), ("192.0.2.0/24",), False),
        ("192.0.2.1", ("192.0.2.0/24",), ("192.0.2.1/32",), False),
        ("2001:db8::1", ("2001:db8::/32",), (), True),
        ("2001:db9::1", ("2001:db8::/32",), (), False),
        ("2001:0DB8:0::1", (), ("2001:db8::1",), False),
        ("192.0.2.1", ("::/0",), (), False),
        ("2001:db8::1", ("0.0.0.0/0",), (), False),
        ("::ffff:192.0.2.1", ("192.0.2.0/24",), (), True),
        ("::ffff:192.0.2.1", (), ("192.0.2.0/24",), False),
        ("::ffff:c000:201", (), ("192.0.2.0/24",), False),
        ("192.0.2.1", (), ("::ffff:192.0.2.0/120",), False),
        ("::ffff:192.0.2.1", ("::ffff:192.0.2.0/120",), (), True),
        ("192.0.3.1", ("::ffff:192.0.2.0/120",), (), False),
        ("192.0.2.1", ("::ffff:0:0/96",), (), True),
        ("fe80::1%eth0", ("fe80::/10",), (), True),
        ("", (), (), True),
        ("", (), ("127.0.0.0/8",), True),
        ("", ("127.0.0.0/8",), (), False),
        ("", ("0.0.0.0/0", "::/0"), (), False),
        ("nonsense", ("0.0.0.0/0", "::/0"), (), False),
    ],
)
def test_who_is_let_in(client: str, allow: tuple[str, ...], deny: tuple[str, ...], expected: bool) -> None:
    assert is_let_in(client, allow, deny) is expected


NETWORKS = st.builds(
    lambda base, length: str(ipaddress.ip_network((base, length), strict=False)),
    st.integers(0xC0000200, 0xC00002FF).map(lambda number: str(ipaddress.IPv4Address(number))),
    st.integers(24, 32),
)
RULES = st.lists(NETWORKS, max_size=3).map(tuple)


@given(st.integers(0xC0000200, 0xC00002FF), RULES, RULES, st.booleans())
def test_against_what_the_rules_say(number: int, allow: tuple[str, ...], deny: tuple[str, ...], mapped: bool) -> None:
    def holds(networks: tuple[str, ...]) -> bool:
        return any(number >> (32 - each.prefixlen) == int(each.network_address) >> (32 - each.prefixlen)
                   for each in map(ipaddress.IPv4Network, networks))  # fmt: skip

    address = str(ipaddress.IPv4Address(number))
    expected = not holds(deny) and (not allow or holds(allow))
    assert is_let_in(f"::ffff:{address}" if mapped else address, allow, deny) is expected


@pytest.mark.parametrize("text", ["nonsense", "192.0.2.1/24", "192.0.2.0/33"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ip.compile(IpRules((), (text,), "f:1"), TOOLS)
