"""What a session's cookie may do, and what an upstream sees of it."""

import pytest

from gateway.auth.caller import Caller
from gateway.auth.model import ForwardedIdentity, InternalToken, Provider
from gateway.auth.session import policy as session
from gateway.auth.session.authenticator import STATE, CachedSession
from gateway.auth.session.store import BrowserSession, Entry, Tokens
from gateway.contracts import Tools
from gateway.errors import CSRF, GatewayError
from gateway.exchange import Response
from tests.exchanges import exchange
from tests.support.openid import session_spec

TOLD = ForwardedIdentity((), "", None, False)
TOOLS = Tools("item", lambda: 0.0, print)
CSRF_TOKEN = "c" * 43
TOKENS = Tokens("the-access-token", 0.0, 1.0, "refresh", "id", ())


def steps(*specs):
    """The steps for providers named 0, 1, …"""
    providers = [Provider(str(n), spec, TOLD, "deny", "here") for n, spec in enumerate(specs or [session_spec()])]
    return session.compile(tuple(providers), TOOLS)


def asked(method="GET", headers=(), tokens=TOKENS, provider="0", **known):
    """An exchange with a session."""
    caller = Caller(provider, "ada", {})
    entry = Entry(b"key", b"raw", BrowserSession("ada", {}, 0.0, 0.0, CSRF_TOKEN, "", tokens))
    state = {STATE: CachedSession(provider, entry, caller)}
    return exchange(method, headers=list(headers), state=state, caller=caller, **known)


def sent(made):
    return made.headers if made.outgoing is None else made.outgoing


def refused(made, with_steps=None):
    with pytest.raises(GatewayError) as raised:
        (with_steps or steps()).on_request(made)
    return raised.value.kind is CSRF


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_need_no_token(method):
    steps().on_request(asked(method, [("Origin", "https://evil.test")]))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "get"])
def test_other_methods_do(method):
    assert refused(asked(method))
    assert refused(asked(method, [("X-CSRF-Token", "d" * 43)]))
    assert refused(asked(method, [("X-CSRF-Token", CSRF_TOKEN + "x")]))
    assert refused(asked(method, [("X-CSRF-Token", "ä")]))
    steps().on_request(asked(method, [("x-csrf-TOKEN", CSRF_TOKEN)]))


def test_the_cookie_alone_is_no_token():
    assert refused(asked("POST", [("Cookie", f"__Host-gw_csrf={CSRF_TOKEN}")]))


def test_the_token_twice_is_none():
    assert refused(asked("POST", [("X-CSRF-Token", CSRF_TOKEN), ("X-CSRF-Token", CSRF_TOKEN)]))


@pytest.mark.parametrize(
    "origin", ["https://evil.test", "null", "", "http://api.example.com", "https://api.example.com:8443", "https://x"]
)
def test_another_origin(origin):
    assert refused(asked("POST", [("X-CSRF-Token", CSRF_TOKEN), ("Origin", origin)]))


@pytest.mark.parametrize(
    ("origin", "authority", "scheme"),
    [
        ("https://api.example.com", "api.example.com", "https"),
        ("https://api.example.com", "API.example.com:443", "https"),
        ("http://localhost:8000", "localhost:8000", "http"),
        ("http://[::1]", "[::1]:80", "http"),
    ],
)
def test_its_own_origin(origin, authority, scheme):
    headers = [("X-CSRF-Token", CSRF_TOKEN), ("Origin", origin)]
    steps().on_request(asked("POST", headers, authority=authority, scheme=scheme))


def test_a_websocket_of_another_site():
    assert refused(asked(headers=[("Upgrade", "websocket"), ("Origin", "https://evil.test")]))
    steps().on_request(asked(headers=[("Upgrade", "websocket"), ("Origin", "https://api.example.com")]))


def test_callers_with_other_credentials_need_no_token():
    made = asked("POST")
    made.caller = Caller("staff", "ada", {})  # a bearer token came before the cookie
    steps().on_request(made)
    assert ("Authorization", "Bearer the-access-token") not in sent(made)
    made = exchange("POST", headers=[("Origin", "https://other.test")])
    steps().on_request(made)
    assert made.outgoing is None


def test_each_provider_has_its_own_header():
    both = steps(session_spec(), session_spec(cookie="b", csrf_cookie="bc", csrf_header="X-B"))
    assert refused(asked("POST", [("X-CSRF-Token", CSRF_TOKEN)], provider="1"), both)
    both.on_request(asked("POST", [("X-B", CSRF_TOKEN)], provider="1"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["__Host-gw_session=x"], []),
        (["__Host-gw_session=x; __Host-gw_csrf=y; __Host-gw_session_login=z"], []),
        (["a=1; __Host-gw_session=x; b=2"], ["a=1; b=2"]),
        (["a=1;__Host-gw_session=x"], ["a=1"]),
        (["__Host-gw_session = x;a=1", "b=2"], ["a=1", "b=2"]),
        (["a=1", "__Host-gw_session=x", "__Host-gw_session=y"], ["a=1"]),
        (["a=__Host-gw_session=x; gw_session=1"], ["a=__Host-gw_session=x; gw_session=1"]),
        (["__Host-gw_session"], []),
    ],
)
def test_our_cookies_stay_here(before, after):
    for made in (
        exchange(headers=[("Cookie", value) for value in before]),
        asked(headers=[("cookie", value) for value in before]),
    ):
        steps().on_request(made)
        assert [value for name, value in sent(made) if name.lower() == "cookie"] == after
        assert [value for name, value in made.headers if name.lower() == "cookie"] == before


def test_cookies_of_all_providers():
    made = exchange(headers=[("Cookie", "one=1; two=2; x=3; onec=4; two_login=5")])
    plain = {"is_secure": False}
    both = steps(session_spec(cookie="one", csrf_cookie="onec", **plain), session_spec(cookie="two", **plain))
    both.on_request(made)
    assert sent(made) == [("Cookie", "x=3")]


def test_what_needs_no_change_is_not_copied():
    made = exchange(headers=[("Accept", "*/*")])
    steps().on_request(made)
    assert made.outgoing is None


def test_the_upstream_gets_the_access_token():
    made = asked(headers=[("authorization", "Basic eDp5"), ("Cookie", "__Host-gw_session=x"), ("A", "b")])
    steps().on_request(made)
    assert sent(made) == [("A", "b"), ("Authorization", "Bearer the-access-token")]


def test_without_tokens_there_is_none():
    made = asked(headers=[("A", "b")], tokens=None)
    steps().on_request(made)
    assert sent(made) == [("A", "b")]


def test_the_upstream_sets_no_cookie_of_ours():
    response = Response(
        200,
        [
            ("Set-Cookie", "a=1; Path=/"),
            ("set-cookie", "__Host-gw_session=evil; Path=/; Secure"),
            ("Set-Cookie", " __Host-gw_csrf =evil"),
            ("Set-Cookie", "__Host-gw_session_login"),
            ("X", "__Host-gw_session=x"),
        ],
    )
    steps().on_response(exchange(), response)
    assert response.headers == [("Set-Cookie", "a=1; Path=/"), ("X", "__Host-gw_session=x")]


def test_a_lost_csrf_cookie_comes_back():
    field = ("Set-Cookie", f"__Host-gw_csrf={CSRF_TOKEN}; Max-Age=43200; Path=/; Secure; SameSite=Lax")
    for cookie in ("a=1", "__Host-gw_csrf=stale"):
        response = Response(200, [])
        steps().on_response(asked(headers=[("Cookie", cookie)]), response)
        assert response.headers == [field]
    response = Response(200, [])
    steps().on_response(asked(headers=[("Cookie", f"__Host-gw_csrf={CSRF_TOKEN}")]), response)
    assert response.headers == []


def test_the_gateway_s_own_token_stands_in_place_of_the_access_token():
    own = InternalToken("Authorization", "gateway", "internal", "ES256", "key.pem", 60.0)
    provider = Provider("0", session_spec(), ForwardedIdentity((), "", own, True), "deny", "here")
    made = asked()
    made.outgoing = [("Authorization", "Bearer of-the-gateway")]  # as identity has told the upstream
    session.compile((provider,), TOOLS).on_request(made)
    assert sent(made) == [("Authorization", "Bearer of-the-gateway")]
