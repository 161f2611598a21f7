"""Callers whom a session cookie names."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol

from gateway.auth.caller import Caller
from gateway.auth.claim_mapper import ALL
from gateway.auth.model import Session
from gateway.auth.session import cookies
from gateway.auth.session.refresh import TokenRefresher
from gateway.auth.session.store import BrowserSession, Entry, Sessions
from gateway.errors import STORE_UNAVAILABLE, UNAUTHENTICATED, GatewayError
from gateway.exchange import Exchange
from gateway.state.store import StoreError

#: where an exchange keeps its session
STATE: Final = "session"
REMEMBERED: Final = 1024  # sessions, by each worker


class Enriching(Protocol):
    """Makes callers of claims."""

    def caller(self, subject: str, claims: Mapping[str, Any], *, until: float, scopes: tuple[str, ...] = ()) -> Caller:
        """The caller, with what the configuration's roles add."""
        ...


class Revocations(Protocol):
    """Knows whom an operator shut out."""

    def is_revoked(self, provider: str, claims: Mapping[str, Any]) -> bool:
        """Whether a credential with these claims is good no more; asks nobody."""
        ...


class CachedSession(NamedTuple):
    """The session of an exchange: whose, which, and the caller that it makes."""

    provider: str
    entry: Entry
    caller: Caller


class SessionAuthenticator:
    """One provider of sessions, ready to look at requests (see Authenticator)."""

    __slots__ = ("_clock", "_cookies", "_enrich", "_known", "_remembers", "_renewal", "_revoked", "_sessions", "name")

    scheme = ""

    def __init__(
        self,
        sessions: Sessions,
        spec: Session,
        enrich: Enriching,
        renewal: TokenRefresher | None,
        revoked: Revocations,
        *,
        on_store_failure: str = "deny",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = sessions.provider
        self._sessions = sessions
        self._cookies = cookies.SessionCookies(spec)
        self._enrich = enrich
        self._renewal = renewal
        self._revoked = revoked
        self._remembers = on_store_failure != "deny"
        self._clock = clock
        #: PERF: by cookie, so that a record that did not change is neither parsed nor enriched again
        self._known: OrderedDict[str, CachedSession] = OrderedDict()

    def identify(self, exchange: Exchange) -> Caller | None:
        """The caller of the session cookie, whose access token is renewed first when it is about to end.

        Raises GatewayError UNAUTHENTICATED for a session that is over, as browsers send its cookie nevertheless (with
        the fields that take it away); STORE_UNAVAILABLE or IDENTITY_UNAVAILABLE when that cannot be found out now.
        """
        value = cookies.read(exchange.headers, self._cookies.session)
        if value is None:
            return None
        known = self._known.get(value)
        try:
            held = self._look(value, known)
        except StoreError as error:
            held = self._remembered(known, error)
        if held is None:
            self._known.pop(value, None)
            raise GatewayError(UNAUTHENTICATED, "The session is over.", headers=tuple(self._cookies.over()))
        if held is not known:
            self._remember(value, held)
        if exchange.state is None:
            exchange.state = {}
        exchange.state[STATE] = held
        return held.caller

    def _look(self, value: str, known: CachedSession | None) -> CachedSession | None:
        entry = self._sessions.find(value, None if known is None else known.entry)
        if entry is None:
            return None
        if self._is_revoked(entry.session):
            with suppress(StoreError):  # who is shut out stays out, whether the record can be removed or not
                self._sessions.end(entry.key)
            return None
        try:
            entry = self._sessions.touch(entry)
        except StoreError:
            pass  # it could be read: it counts as used from the next request that can write
        fresh = entry if self._renewal is None else self._renewal.fresh(entry)
        if fresh is None:
            return None
        return known if known is not None and fresh is known.entry else self._held(fresh)

    def _held(self, entry: Entry) -> CachedSession:
        session = entry.session
        # SECURITY: only the configuration can give everything, whatever the provider says was granted
        # (test_a_provider_cannot_give_all_scopes).
        granted = session.tokens.scopes if session.tokens is not None else ()
        scopes = tuple(scope for scope in granted if scope != ALL)
        until = session.created + self._sessions.ttl
        caller = self._enrich.caller(session.subject, session.claims, until=until, scopes=scopes)
        return CachedSession(self.name, entry, caller)

    def _is_revoked(self, session: BrowserSession) -> bool:
        return self._revoked.is_revoked(self.name, {"sub": session.subject, "iat": session.created})

    def _remembered(self, known: CachedSession | None, error: StoreError) -> CachedSession | None:
        """What this worker knows of the session, where `on_store_failure` lets that count; None = it is over."""
        if self._remembers and known is not None and self._sessions.is_alive(known.entry.session):
            if self._is_revoked(known.entry.session):
                return None
            tokens = known.entry.session.tokens
            if tokens is None or tokens.lives(self._clock()):
                return known
        raise GatewayError(STORE_UNAVAILABLE, "Sessions cannot be looked up now.", cause=error) from error

    def _remember(self, value: str, held: CachedSession) -> None:
        self._known[value] = held
        self._known.move_to_end(value)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
