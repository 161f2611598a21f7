"""The OpenID client: what it asks, what it believes of the answers."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import gevent
import pytest

from gateway.auth.oidc.client import OpenIdClient
from gateway.auth.oidc.metadata import PAUSE, REFRESH, Metadata, parse_metadata
from gateway.auth.session.refresh import RefusedError
from gateway.auth.session.store import Tokens
from gateway.errors import IDENTITY_UNAVAILABLE, INVALID_TOKEN, GatewayError
from tests.support.openid import ISSUER, FakeProvider, credentials, oidc_spec

BACK = "https://api.test/auth/callback"
BEFORE = Tokens("access-0", 0.0, 1.0, "refresh-0", "id-0", ("openid",))


@pytest.fixture
def provider(clock):
    return FakeProvider(clock)


@pytest.fixture
def client(provider, clock):
    return OpenIdClient(oidc_spec(), provider, provider.keys_at, clock)


def log_in(client, provider):
    location, asked = client.ask(BACK, "the state")
    provider.visit(location)
    return client.redeem("the code", asked)


def test_what_is_asked(client, provider):
    location, asked = client.ask(BACK, "the state")
    assert location.startswith(ISSUER + "/authorize?tenant=1&")
    found = provider.visit(location)
    assert found.pop("code_challenge") != asked.verifier
    assert found == {
        "tenant": "1",
        "response_type": "code",
        "client_id": "web",
        "redirect_uri": BACK,
        "scope": "openid offline_access",
        "state": "the state",
        "nonce": asked.nonce,
        "code_challenge_method": "S256",
        "prompt": "consent",
    }
    assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", asked.verifier)
    assert len(asked.nonce) == 43
    again, other = client.ask(BACK, "the state")
    assert asked.verifier != other.verifier
    assert asked.nonce != other.nonce


def test_no_consent_where_no_refresh_token_is_wanted(provider, clock):
    client = OpenIdClient(oidc_spec(scopes=("openid",)), provider, provider.keys_at, clock)
    assert "prompt" not in provider.visit(client.ask(BACK, "s")[0])


def test_a_login(client, provider, clock):
    tokens, claims = log_in(client, provider)
    assert (tokens.access, tokens.refresh) == ("access-1", "refresh-1")
    assert tokens.until == clock.now + 300
    assert tokens.scopes == ("openid", "offline_access")
    assert claims["sub"] == "ada"
    url, form, headers = provider.calls[-1]
    assert form.pop("code_verifier")
    assert form == {"grant_type": "authorization_code", "code": "the code", "redirect_uri": BACK}
    assert credentials(headers["authorization"]) == ["web", "s3cret%3A%2B"]


def test_a_public_client(provider, clock):
    client = OpenIdClient(oidc_spec(client_secret=""), provider, provider.keys_at, clock)
    tokens, _ = log_in(client, provider)
    client.refresh(tokens, "ada")
    for _, form, headers in provider.calls[-2:]:
        assert form["client_id"] == "web"
        assert "authorization" not in headers


def test_scopes_that_were_granted(client, provider):
    provider.extra = {"scope": "openid items:read"}
    assert log_in(client, provider)[0].scopes == ("openid", "items:read")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 1},
        {"nonce": "ä"},
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": ["web", "other"]},  # and no azp
        {"aud": ["web", "other"], "azp": "other"},
        {"azp": "other"},
        {"azp": 1},
        {"sub": None},
        {"sub": 7},
        {"exp": 1_799_999_000},
        {"exp": None},
        {"iat": 1_800_001_000},
        {"iat": None},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"at_hash": 1},
        {"at_hash": "ä"},
    ],
)
def test_id_tokens_that_are_not_the_answer(client, provider, claims):
    provider.claims = claims
    with pytest.raises(GatewayError) as raised:
        log_in(client, provider)
    assert raised.value.kind is INVALID_TOKEN


@pytest.mark.parametrize(
    "claims",
    [{"aud": ["web"]}, {"aud": ["web", "other"], "azp": "web"}, {"azp": "web"}, {"at_hash": "OlWMjFgLsh1x5aRVNwCz2A"}],
)
def test_id_tokens_that_are(client, provider, claims):
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    if "at_hash" in claims:
        digest = sha256(b"access-1").digest()[:16]
        claims["at_hash"] = urlsafe_b64encode(digest).rstrip(b"=").decode()
    provider.claims = claims
    assert log_in(client, provider)[1]["sub"] == "ada"


def test_an_id_token_of_another_key(client, provider, clock):
    stranger = FakeProvider(clock)
    location, asked = client.ask(BACK, "s")
    provider.visit(location)
    provider.extra = {"id_token": stranger.id_token(nonce=asked.nonce)}
    with pytest.raises(GatewayError) as raised:
        client.redeem("code", asked)
    assert raised.value.kind is INVALID_TOKEN


def test_no_id_token(client, provider):
    provider.extra = {"id_token": None}
    with pytest.raises(GatewayError) as raised:
        log_in(client, provider)
    assert raised.value.kind is INVALID_TOKEN


@pytest.mark.parametrize(
    "extra",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "a b"},
        {"access_token": "a\r\nX-Admin: 1"},
        {"access_token": "x" * 20_000},
        {"refresh_token": ["a"]},
        {"token_type": None},
        {"token_type": "mac"},
        {"expires_in": "soon"},
        {"expires_in": {}},
        {"expires_in": 0},
        {"expires_in": -5},
        {"expires_in": 1e300},
        {"scope": 5},
        {"error": "server_error"},
    ],
)
def test_answers_that_make_no_sense(client, provider, extra):
    provider.extra = extra
    with pytest.raises(GatewayError) as raised:
        log_in(client, provider)
    assert raised.value.kind is IDENTITY_UNAVAILABLE


def test_an_access_token_without_an_end(client, provider):
    provider.extra = {"expires_in": None}
    assert log_in(client, provider)[0].until is None


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_code_that_is_refused(client, provider, status):
    provider.status = status
    with pytest.raises(RefusedError, match=f"{status} invalid_grant"):
        log_in(client, provider)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_provider_in_trouble(client, provider, status):
    provider.status = status
    for action in (lambda: log_in(client, provider), lambda: client.refresh(BEFORE, "ada")):
        with pytest.raises(GatewayError) as raised:
            action()
        assert raised.value.kind is IDENTITY_UNAVAILABLE


def test_refresh(client, provider, clock):
    renewed = client.refresh(BEFORE, "ada")
    assert renewed.tokens == Tokens("access-1", clock.now, clock.now + 300, "refresh-1", "id-0", ("openid",))
    assert renewed.claims is None
    assert provider.token_calls("refresh_token") == [{"grant_type": "refresh_token", "refresh_token": "refresh-0"}]
    provider.extra = {"refresh_token": None}  # it stays as it was
    assert client.refresh(BEFORE, "ada").tokens.refresh == "refresh-0"


def test_refresh_with_a_new_id_token(client, provider):
    provider.extra = {"id_token": provider.id_token(tenant="acme")}
    renewed = client.refresh(BEFORE, "ada")
    assert renewed.claims["tenant"] == "acme"
    assert renewed.tokens.id_token == provider.extra["id_token"]


@pytest.mark.parametrize("claims", [{"sub": "bob"}, {"aud": "other"}])
def test_refresh_with_an_id_token_that_is_not_good(client, provider, claims):
    provider.extra = {"id_token": provider.id_token(**claims)}
    with pytest.raises(RefusedError):
        client.refresh(BEFORE, "ada")


def test_refresh_with_an_id_token_while_the_keys_are_out_of_reach(client, provider, monkeypatch):
    def gone(kid, algorithm):
        raise GatewayError(IDENTITY_UNAVAILABLE)

    provider.extra = {"id_token": provider.id_token(tenant="acme")}
    monkeypatch.setattr(provider.keys, "find", gone, raising=False)
    renewed = client.refresh(BEFORE, "ada")
    assert renewed.tokens.refresh == "refresh-1"  # which must not be lost
    assert renewed.claims is None


@pytest.mark.parametrize("answer", [b"<html>", b'{"error": "a\\u0000b"}', b'{"error": "' + b"x" * 50 + b'"}', b"[]"])
def test_refusals_are_told_to_the_log_in_plain_words(client, provider, answer):
    provider.status, provider.refusal = 400, answer
    with pytest.raises(RefusedError, match=r"answers 400 $"):
        client.refresh(BEFORE, "ada")


def test_refresh_refused(client, provider):
    provider.status = 400
    with pytest.raises(RefusedError):
        client.refresh(BEFORE, "ada")


def test_whose_answer_it_is(client, provider):
    assert client.is_answerer("")
    assert client.is_answerer(ISSUER)
    assert not client.is_answerer("https://evil.test")


def test_an_answer_that_should_say_whose_it_is(client, provider):
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    assert not client.is_answerer("")


def test_logout(client, provider):
    url = urlsplit(client.logout_url("the token"))
    assert (url.netloc, url.path) == ("id.test", "/logout")
    assert parse_qs(url.query) == {"id_token_hint": ["the token"], "client_id": ["web"]}


def test_no_logout(client, provider):
    del provider.metadata["end_session_endpoint"]
    assert client.logout_url("the token") is None


def test_the_document_is_asked_for_once_and_then_each_hour(client, provider, clock):
    for _ in range(3):
        client.ask(BACK, "s")
    client.tick()
    assert len(provider.calls) == 1
    clock.now += REFRESH
    provider.metadata["authorization_endpoint"] = ISSUER + "/moved"
    client.ask(BACK, "s")
    assert len(provider.calls) == 1  # no request waits for it
    client.tick()
    assert len(provider.calls) == 2
    assert client.ask(BACK, "s")[0].startswith(ISSUER + "/moved?")


def test_what_is_known_serves_on_while_the_provider_is_down(client, provider, clock):
    client.ask(BACK, "s")
    provider.is_down = True
    clock.now += REFRESH
    for _ in range(4):
        client.tick()
    assert len(provider.calls) == 2  # not in a loop
    clock.now += PAUSE
    client.tick()
    assert len(provider.calls) == 3
    assert client.ask(BACK, "s")


def test_a_provider_that_was_never_reached(client, provider, clock):
    provider.is_down = True
    client.tick()  # nobody has asked yet
    for _ in range(3):
        with pytest.raises(GatewayError) as raised:
            client.ask(BACK, "s")
        assert raised.value.kind is IDENTITY_UNAVAILABLE
    assert len(provider.calls) == 1
    provider.is_down = False
    clock.now += PAUSE
    assert client.ask(BACK, "s")


def test_a_clock_that_was_set_back_after_a_failure(client, provider, clock):
    provider.is_down = True
    with pytest.raises(GatewayError):
        client.ask(BACK, "s")
    provider.is_down = False
    clock.now -= 7200
    assert client.ask(BACK, "s")
    clock.now -= 30 * 86400
    client.tick()
    assert len(provider.calls) == 3  # what was heard in days to come is asked for anew


def test_keys_are_ticked_once_there_are_any(client, provider):
    client.tick()
    log_in(client, provider)
    client.tick()
    assert provider.keys.ticks == 1


def test_a_provider_that_moves_its_keys(client, provider, clock):
    log_in(client, provider)
    clock.now += REFRESH
    provider.metadata["jwks_uri"] = ISSUER + "/other"
    client.tick()
    assert log_in(client, provider)[1]["sub"] == "ada"


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.test"},
        {"issuer": None},
        {"issuer": 5},
        {"token_endpoint": None},
        {"token_endpoint": "http://id.test/token"},
        {"token_endpoint": "/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": "https://id.test/\r\nX: y"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "http://id.test/jwks"},
        {"jwks_uri": "https://[id/"},
        {"end_session_endpoint": "http://id.test/logout"},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
        {"id_token_signing_alg_values_supported": "RS256"},
        {"id_token_signing_alg_values_supported": 5},
    ],
)
def test_documents_that_are_refused(provider, change):
    document = {**provider.metadata, **change}
    with pytest.raises(ValueError):
        parse_metadata(json.dumps(document).encode(), oidc_spec())


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_documents_that_are_none(body):
    with pytest.raises(ValueError):
        parse_metadata(body, oidc_spec())


def test_http_where_it_is_allowed(provider):
    document = {name: value.replace("https:", "http:") for name, value in provider.metadata.items() if name[:2] != "id"}
    spec = oidc_spec(issuer="http://id.test/", insecure=True)
    found = parse_metadata(json.dumps(document).encode(), spec)
    assert found.token == "http://id.test/token"
    assert found.algorithms == ("RS256",)  # what it is where nothing is said


def test_only_what_cannot_be_forged_with_the_clients_secret(provider):
    found = parse_metadata(json.dumps(provider.metadata).encode(), oidc_spec())
    assert found.algorithms == ("ES256",)


def test_many_who_ask_first_make_one_call(provider, clock):
    metadata = Metadata(oidc_spec(), provider, clock)
    provider.gate.clear()
    asking = [gevent.spawn(metadata.current) for _ in range(20)]
    gevent.idle()  # all of them run as far as they can
    provider.gate.set()
    gevent.joinall(asking, raise_error=True)
    assert len(provider.calls) == 1
