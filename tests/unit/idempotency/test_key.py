"""Keys: what one is, whose it is, and what was asked with it."""

import pytest

from gateway.auth.caller import Caller
from gateway.policies.idempotency.key import mark_of, name_of, parse_key
from tests.exchanges import exchange, route


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (r'"a \"b\" \\"', r'a "b" \ '.rstrip()),
        (" abc ", "abc"),
        ("a/b+c=", "a/b+c="),
        ("x" * 255, "x" * 255),
    ],
)
def test_what_is_a_key(text, key):
    assert parse_key(text) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        '""',
        '"',
        '"a',
        'a"',
        r'"\a"',
        "a b",
        "a,b",
        'a, "b"',
        '"a", "b"',
        '"a";p=1',
        "a;b",
        "\u00e9",
        '"\x7f"',
        "x" * 256,
    ],
)
def test_what_is_none(text):
    assert parse_key(text) is None


def caller(subject, provider="staff"):
    return Caller(provider, subject, {})


def asked(**known):
    return exchange("POST", known.pop("target", "/a"), known.pop("headers", []), **{"caller": None, **known})


BASE = name_of(asked(), "k")


@pytest.mark.parametrize(
    "other",
    [
        asked(client="192.0.2.2"),
        asked(caller=caller("ann")),
        asked(route=route("other")),
        asked(headers=[("Authorization", "Bearer a")]),
        asked(headers=[("COOKIE", "a=b")]),
        asked(headers=[("X-API-Key", "a")]),
    ],
    ids=["address", "caller", "route", "authorization", "cookie", "api key"],
)
def test_whose_it_is(other):
    assert name_of(other, "k") != BASE


def test_a_caller_is_the_same_from_anywhere_and_with_any_credential():
    names = {
        name_of(asked(caller=caller("ann"), client=client, headers=[("Authorization", client)]), "k")
        for client in ("192.0.2.1", "2001:db8::1", "")
    }
    assert len(names) == 1
    assert name_of(asked(caller=caller("bob")), "k") not in names
    assert name_of(asked(caller=caller("ann", "partners")), "k") not in names


def test_an_address_is_the_network_for_ipv6():
    assert name_of(asked(client="2001:db8::1"), "k") == name_of(asked(client="2001:db8::ffff:ffff:ffff:ffff"), "k")
    assert name_of(asked(client="2001:db8::1"), "k") != name_of(asked(client="2001:db8:0:1::1"), "k")
    assert name_of(asked(client="::ffff:192.0.2.1"), "k") != name_of(asked(client="::ffff:192.0.2.2"), "k")
    assert name_of(asked(client=""), "k") != BASE


def test_names_fit_the_store_and_do_not_run_together():
    assert len(name_of(asked(), "x" * 255)) < 60
    assert name_of(asked(route=route("a")), "bc") != name_of(asked(route=route("ab")), "c")


def test_what_was_asked():
    mark = mark_of(asked(), b"body")
    assert mark == mark_of(asked(headers=[("User-Agent", "x")]), b"body")
    changed = [
        mark_of(asked(), b"bodY"),
        mark_of(asked(target="/a?b"), b"body"),
        mark_of(asked(host="b.example.com"), b"body"),
        mark_of(asked(headers=[("Content-Type", "a/b")]), b"body"),
        mark_of(asked(headers=[("Content-Encoding", "gzip")]), b"body"),
        mark_of(exchange("PATCH", "/a"), b"body"),
    ]
    assert len({mark, *changed}) == 7


def test_a_caller_without_a_name_is_told_apart_by_what_it_shows():
    """A token without `sub`, for instance."""
    one, other = (
        name_of(asked(caller=caller(""), headers=[("Authorization", f"Bearer {token}")]), "k") for token in "ab"
    )
    assert one != other
