"""The token endpoint: OAuth's shapes, what goes into tokens, and what ends them."""

import json
from urllib.parse import urlencode

import pytest

from gateway.auth.issuer.endpoint import CLAIMS_MAX, TokenIssuer, families_of, verified_as
from gateway.auth.jwt.keys import StaticKeys, parse_keys
from gateway.auth.jwt.signing import Signer, make_key
from gateway.auth.jwt.verify import Verifier
from gateway.errors import CLIENT_CLOSED, INVALID_TOKEN, GatewayError
from tests.exchanges import exchange
from tests.unit.identity.issuer_parts import Clock, FakeLogin, FakeRevoked, FakeStore, issuer, posted

ALICE = {"username": "alice", "password": "wonder"}


class Arena:
    def __init__(self, folder, **spec):
        key = folder / "signing.pem"
        key.write_text(make_key("ES256"))
        self.clock = Clock()
        self.store, self.revoked, self.login = FakeStore(self.clock), FakeRevoked(), FakeLogin()
        self.spec = issuer(key, **spec)
        signer = Signer(self.spec, self.clock)
        self.verify = Verifier(verified_as(self.spec), StaticKeys(parse_keys(signer.jwks)), self.clock).verify
        made = TokenIssuer(
            "tokens",
            self.spec,
            families_of("tokens", self.spec, self.store, self.revoked, self.clock),
            signer=signer,
            verify=self.verify,
            http=self.login,
            clock=self.clock,
        )
        self.endpoints = {endpoint.path: endpoint for endpoint in made.endpoints()}

    def fetch(self, path, body, media_type="application/x-www-form-urlencoded"):
        """(status, parsed answer, headers, what the log calls it) of a POST."""
        if isinstance(body, dict):
            body = json.dumps(body) if media_type == "application/json" else urlencode(body)
        asked = posted(path, body, media_type)
        response = self.endpoints[path].fetch(asked)
        text = json.loads(response.body) if response.body else None
        return response.status, text, dict(response.headers), asked.error

    def tokens(self, path="/auth/token", body=ALICE):
        status, text, _, error = self.fetch(path, body)
        assert (status, error) == (200, None), text
        return text

    def refused(self, path, body, status=400, media_type="application/x-www-form-urlencoded"):
        got, text, headers, _ = self.fetch(path, body, media_type)
        assert (got, headers["Cache-Control"]) == (status, "no-store")
        assert set(text) == {"error", "error_description"}
        return text["error"]


@pytest.fixture
def arena(tmp_path):
    return Arena(tmp_path)


def test_what_is_served(arena):
    names = [(each.name, each.methods, path) for path, each in arena.endpoints.items()]
    assert names == [
        ("tokens-token", ("POST",), "/auth/token"),
        ("tokens-refresh", ("POST",), "/auth/refresh"),
        ("tokens-revoke", ("POST",), "/auth/revoke"),
        ("tokens-keys", ("GET", "HEAD"), "/.well-known/jwks.json"),
    ]


def test_without_a_login_nobody_gets_a_token(tmp_path):
    assert list(Arena(tmp_path, login=None).endpoints) == ["/.well-known/jwks.json", "/auth/revoke"]


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "application/json; charset=utf-8"])
def test_a_password_gives_tokens(arena, media_type):
    body = ALICE | {"grant_type": "password"}
    body = json.dumps(body) if "json" in media_type else urlencode(body)
    status, text, headers, error = arena.fetch("/auth/token", body, media_type)
    assert (status, error) == (200, None)
    assert headers["Content-Type"] == "application/json"
    assert (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")
    assert set(text) == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
    assert (text["token_type"], text["expires_in"], text["scope"]) == ("Bearer", 600, "items:read")
    claims = arena.verify(text["access_token"])
    now = int(arena.clock.now)
    assert claims == {
        "iss": "https://gw.test",
        "aud": "api",
        "sub": "alice",
        "iat": now,
        "exp": now + 600,
        "jti": claims["jti"],
        "auth_time": now,
        "scope": "items:read",
        "tenant": "acme",
    }
    assert len(claims["jti"]) == 22


def test_the_upstream_is_asked_as_agreed(arena):
    arena.tokens()
    ((method, path, headers, body),) = arena.login.asked
    assert (method, path, body) == ("POST", "/verify", ALICE)
    assert headers == {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "X-Forwarded-For": "192.0.2.1",
    }


def test_a_login_cannot_say_what_is_the_gateways_to_say(arena):
    arena.login.claims |= {"iss": "evil", "aud": "all", "exp": 9e9, "iat": 1, "nbf": 1, "jti": "mine", "typ": "x"}
    arena.login.claims |= {"scope": ["a", "b"], "auth_time": 7}
    text = arena.tokens()
    claims = arena.verify(text["access_token"])
    assert (claims["iss"], claims["aud"], claims["exp"]) == ("https://gw.test", "api", int(arena.clock.now) + 600)
    assert claims["jti"] != "mine"
    assert {"nbf", "typ"}.isdisjoint(claims)
    assert (claims["scope"], text["scope"], claims["auth_time"]) == ("a b", "a b", 7)


def test_without_scopes_none_are_told(arena):
    del arena.login.claims["scope"]
    assert "scope" not in arena.tokens()


def test_an_audience_that_is_not_written(tmp_path):
    arena = Arena(tmp_path, audience="", access_ttl=0.5)
    text = arena.tokens()
    assert "aud" not in arena.verify(text["access_token"])
    assert text["expires_in"] == 1


def test_access_tokens_end(arena):
    token = arena.tokens()["access_token"]
    arena.clock.now += 629
    arena.verify(token)
    arena.clock.now += 1
    with pytest.raises(GatewayError) as refused:
        arena.verify(token)
    assert refused.value.kind is INVALID_TOKEN


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/token"])
def test_a_refresh_gives_the_next_pair(arena, path):
    first = arena.tokens()
    arena.clock.now += 1000
    second = arena.tokens(path, {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]})
    assert second["refresh_token"] != first["refresh_token"]
    claims = arena.verify(second["access_token"])
    assert (claims["sub"], claims["tenant"], claims["scope"]) == ("alice", "acme", "items:read")
    assert (claims["iat"] - claims["auth_time"], claims["exp"] - claims["iat"]) == (1000, 600)
    assert len(arena.login.asked) == 1


def test_a_reuse_ends_what_the_login_gave(arena):
    first = arena.tokens()
    second = arena.tokens("/auth/refresh", {"refresh_token": first["refresh_token"]})
    for text in (first, second, first):
        assert arena.refused("/auth/refresh", {"refresh_token": text["refresh_token"]}) == "invalid_grant"
    jtis = {arena.verify(text["access_token"])["jti"] for text in (first, second)}
    assert arena.revoked.names == jtis
    # As long as anybody may take them for good, leeway included.
    assert set(arena.revoked.found.values()) == {630.0}


@pytest.mark.parametrize("hint", [{}, {"token_type_hint": "access_token"}, {"token_type_hint": "nonsense"}])
def test_revoking_a_refresh_token_ends_all(arena, hint):
    text = arena.tokens()
    status, body, headers, _ = arena.fetch("/auth/revoke", {"token": text["refresh_token"], **hint})
    assert (status, body, headers["Content-Length"]) == (200, None, "0")
    assert arena.revoked.names == {arena.verify(text["access_token"])["jti"]}
    assert arena.refused("/auth/refresh", {"refresh_token": text["refresh_token"]}) == "invalid_grant"


def test_revoking_an_access_token_ends_it_alone(arena):
    text = arena.tokens()
    assert arena.fetch("/auth/revoke", {"token": text["access_token"]})[0] == 200
    assert arena.revoked.found == {("tokens", arena.verify(text["access_token"])["jti"]): 630.0}
    assert arena.tokens("/auth/refresh", {"refresh_token": text["refresh_token"]})


@pytest.mark.parametrize("token", ["x", "a" * 64, "a.b.c", "é"])
def test_revoking_what_is_no_token_is_fine(arena, token):
    assert arena.fetch("/auth/revoke", {"token": token})[0] == 200
    assert arena.revoked.names == set()


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_wrong_password(arena, status):
    arena.login.answer = (status, b"{}")
    got, text, _, error = arena.fetch("/auth/token", ALICE)
    assert (got, text["error"], error) == (400, "invalid_grant", "login-failed")
    assert text["error_description"] == "The user name or the password is wrong."


@pytest.mark.parametrize("status", [201, 204, 301, 429, 500, 503])
def test_a_login_that_does_not_work(arena, status):
    arena.login.answer = (status, b"{}")
    got, text, _, error = arena.fetch("/auth/token", ALICE)
    assert (got, text["error"], error) == (503, "temporarily_unavailable", "identity-unavailable")


def test_a_login_out_of_reach(arena):
    arena.login.is_down = True
    assert arena.refused("/auth/token", ALICE, 503) == "temporarily_unavailable"


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"[]", b'"alice"', b"{}", b'{"sub": ""}', b'{"sub": 7}', b'{"sub": null}', b'{"sub": "a\\u0000"}'),
        *(b'{"sub": "a", "n": NaN}', b"[" * 100_000, b'{"sub": "' + b"a" * 256 + b'"}', b"\xff"),
        json.dumps({"sub": "a", "x": "y" * CLAIMS_MAX}).encode(),
    ],
)
def test_a_login_that_answers_what_cannot_be_used(arena, answer):
    arena.login.answer = (200, answer)
    got, text, _, error = arena.fetch("/auth/token", ALICE)
    assert (got, text["error"], error) == (502, "server_error", "upstream-bad-answer")


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/auth/token", {}, "invalid_request"),
        ("/auth/token", {"password": "x"}, "invalid_request"),
        ("/auth/token", {"username": "alice"}, "invalid_request"),
        ("/auth/token", {"username": "alice", "password": ""}, "invalid_request"),
        ("/auth/token", {"grant_type": "password"}, "invalid_request"),
        ("/auth/token", {"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ("/auth/token", ALICE | {"grant_type": "Password"}, "unsupported_grant_type"),
        ("/auth/token", {"grant_type": "refresh_token"}, "invalid_request"),
        ("/auth/refresh", {"grant_type": "password", **ALICE}, "unsupported_grant_type"),
        ("/auth/refresh", {"other": "x"}, "invalid_request"),
        ("/auth/refresh", {"refresh_token": "x"}, "invalid_grant"),
        ("/auth/refresh", {"refresh_token": "a" * 64}, "invalid_grant"),
        ("/auth/revoke", {"other": "x"}, "invalid_request"),
        ("/auth/token", "username=alice&username=bob&password=x", "invalid_request"),
        ("/auth/token", "username=alice&password=&password=wonder", "invalid_request"),
        ("/auth/token", "username=%ff&password=x", "invalid_request"),
        ("/auth/token", b"username=\xc3\xa9&password=x", "invalid_request"),
        ("/auth/token", "&".join(f"a{n}=1" for n in range(40)), "invalid_request"),
        ("/auth/token", "username=alice&password=" + "x" * (16 << 10), "invalid_request"),
    ],
)
def test_what_is_refused_of_forms(arena, path, body, error):
    assert arena.refused(path, body) == error
    assert arena.login.asked == []


@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", '"x"', "null", "{", "[" * 10_000, '[["username", "alice"], ["password", "wonder"]]'),
        *('{"username": "alice", "password": 7}', '{"username": "alice", "username": "bob", "password": "x"}'),
        *(b"\xff", '{"username": {"a": "b"}, "password": "x"}'),
        json.dumps({f"a{n}": "1" for n in range(40)}),
    ],
)
def test_what_is_refused_of_json(arena, body):
    assert arena.refused("/auth/token", body, media_type="application/json") == "invalid_request"
    assert arena.login.asked == []


@pytest.mark.parametrize("media_type", ["", "text/plain", "multipart/form-data; boundary=x"])
def test_other_media_types(arena, media_type):
    assert arena.refused("/auth/token", "username=alice&password=wonder", media_type=media_type) == "invalid_request"


def test_a_long_body_is_not_read_to_its_end(arena):
    asked = posted("/auth/token", b"x" * 1_000_000)
    asked.body_length = -1
    response = arena.endpoints["/auth/token"].fetch(asked)
    assert response.status == 400
    assert len(asked.body.data) > 900_000


def test_a_body_that_does_not_arrive_is_no_answer_of_ours(arena):
    asked = posted("/auth/token", "username=a")

    def read(size=-1):
        raise GatewayError(CLIENT_CLOSED)

    asked.body.read = read
    with pytest.raises(GatewayError):
        arena.endpoints["/auth/token"].fetch(asked)


@pytest.mark.parametrize("path", ["/auth/token", "/auth/refresh", "/auth/revoke"])
def test_a_store_out_of_reach(arena, path):
    text = arena.tokens()
    arena.store.is_down = True
    body = {"/auth/token": ALICE, "/auth/refresh": text, "/auth/revoke": {"token": text["refresh_token"]}}[path]
    assert arena.refused(path, body, 503) == "temporarily_unavailable"
    arena.store.is_down = False
    assert arena.tokens("/auth/refresh", {"refresh_token": text["refresh_token"]})


def test_keys_are_published(arena):
    fetch = arena.endpoints["/.well-known/jwks.json"].fetch
    response = fetch(exchange("GET", "/.well-known/jwks.json"))
    headers = dict(response.headers)
    assert (response.status, headers["Cache-Control"]) == (200, "public, max-age=300")
    assert headers["Content-Length"] == str(len(response.body))
    (key,) = json.loads(response.body)["keys"]
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")
    assert "d" not in key
    head = fetch(exchange("HEAD", "/.well-known/jwks.json"))
    assert (head.body, head.length) == (b"", len(response.body))


def test_no_secret_is_logged(arena, caplog):
    caplog.set_level(0)
    arena.login.answer = (500, b"wonder")
    arena.fetch("/auth/token", ALICE)
    arena.login.answer = (200, b"wonder")
    arena.fetch("/auth/token", ALICE)
    arena.login.answer = None
    first = arena.tokens()
    arena.tokens("/auth/refresh", {"refresh_token": first["refresh_token"]})
    arena.refused("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert len(caplog.messages) == 3
    assert not any(secret in caplog.text for secret in ("wonder", first["refresh_token"], first["access_token"]))
