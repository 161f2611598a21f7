"""Callers of sessions: what a provider's words may give them, and who stays out when the store cannot be written."""

from __future__ import annotations

import pytest

from gateway.auth.claim_mapper import ClaimMapper
from gateway.auth.model import ForwardedIdentity, Provider, Role
from gateway.auth.revocation_list import RevocationList
from gateway.auth.session.authenticator import SessionAuthenticator
from gateway.auth.session.store import Sessions, Tokens
from gateway.errors import UNAUTHENTICATED, GatewayError
from gateway.state.store import StoreUnavailableError
from tests.exchanges import exchange
from tests.support.openid import session_spec
from tests.unit.identity.issuer_parts import Clock, FakeStore


class Arena:
    """One provider of sessions whose store can fail."""

    def __init__(self, on_store_failure: str = "deny") -> None:
        self.clock = Clock()
        self.store = FakeStore(self.clock)
        self.revoked = RevocationList(self.store, self.clock)
        spec = session_spec()
        provider = Provider("browser", spec, ForwardedIdentity((), "roles", None, True), on_store_failure, "here")
        self.sessions = Sessions("browser", spec, self.store, self.clock)
        self.authenticator = SessionAuthenticator(
            self.sessions,
            spec,
            ClaimMapper(provider, (Role("root", ("root",), ("*",)),)),
            None,
            self.revoked,
            on_store_failure=on_store_failure,
            clock=self.clock,
        )

    def begin(self, scopes: tuple[str, ...] = (), claims: dict[str, object] | None = None) -> str:
        tokens = Tokens("access", self.clock.now, None, "", "", scopes)
        return self.sessions.begin("ada", {"sub": "ada", **(claims or {})}, tokens)[0]

    def identify(self, value: str):
        return self.authenticator.identify(exchange(headers=[("Cookie", f"__Host-gw_session={value}")]))

    def is_over(self, value: str) -> bool:
        with pytest.raises(GatewayError) as raised:
            self.identify(value)
        return raised.value.kind is UNAUTHENTICATED


def test_a_provider_cannot_give_all_scopes() -> None:
    arena = Arena()
    assert arena.identify(arena.begin(("openid", "*"))).scopes == {"openid"}
    assert "*" in arena.identify(arena.begin(("openid",), {"roles": "root"})).scopes  # the configuration can


def fail() -> None:
    raise StoreUnavailableError("it can be read, and takes nothing")


@pytest.mark.parametrize("on_store_failure", ["deny", "local", "allow"])
def test_who_was_shut_out_stays_out_though_the_session_cannot_be_ended(on_store_failure: str) -> None:
    arena = Arena(on_store_failure)
    value = arena.begin()
    assert arena.identify(value).subject == "ada"
    arena.revoked.revoke(provider="browser", sub="ada", ttl=100.0)
    arena.store.before["delete"] = fail
    assert arena.is_over(value)


@pytest.mark.parametrize("on_store_failure", ["deny", "local", "allow"])
def test_who_logged_out_everywhere_stays_out_though_the_session_cannot_be_ended(on_store_failure: str) -> None:
    arena = Arena(on_store_failure)
    value = arena.begin()
    assert arena.identify(value).subject == "ada"
    arena.sessions.end_everywhere("ada")
    arena.store.before["delete"] = fail
    assert arena.is_over(value)


@pytest.mark.parametrize("on_store_failure", ["local", "allow"])
def test_who_was_shut_out_is_not_remembered(on_store_failure: str) -> None:
    arena = Arena(on_store_failure)
    value, other = arena.begin(), arena.sessions.begin("bob", {"sub": "bob"})[0]
    assert arena.identify(value).subject == "ada"
    assert arena.identify(other).subject == "bob"
    arena.revoked.revoke(provider="browser", sub="ada", ttl=100.0)
    arena.store.is_down = True
    assert arena.identify(other).subject == "bob"
    assert arena.is_over(value)
