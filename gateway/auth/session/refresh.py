"""Access tokens that are renewed before they end: once, however many requests, workers and hosts notice.

In a worker one greenlet renews and the others look at what comes of it; among workers and hosts a lease in the store
says who does.  The lease is kept for a while after a failure, so that nobody asks a provider that is down in a loop.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol

import gevent
from gevent.event import Event

from gateway.auth.session.store import BrowserSession, Entry, Sessions, Tokens
from gateway.errors import IDENTITY_UNAVAILABLE, STORE_UNAVAILABLE, GatewayError
from gateway.state.store import Store, StoreError

log = logging.getLogger("gateway")

PATIENCE: Final = 5.0  # seconds that a request without a good token waits
COURTESY: Final = 1.0  # seconds that the request which began a renewal waits though its token is still good
LEASE: Final = 20.0  # seconds; longer than one renewal takes, and what a lost worker's renewal is waited for
#: seconds between looks at what another worker does; together PATIENCE
PAUSES: Final = tuple(min(0.25, 0.01 * 1.5**n) for n in range(26))
RETRY_MAX: Final = 60.0  # seconds between tries of a provider that fails
_FAILED: Final = b"failed"


class RefreshedTokens(NamedTuple):
    """What a provider gave for a refresh token; `claims` None = no new ID token."""

    tokens: Tokens
    claims: dict[str, Any] | None


class RefusedError(Exception):
    """The provider will never renew this: the session is over."""


class Refresher(Protocol):
    """Who asks the provider."""

    def refresh(self, tokens: Tokens, subject: str) -> RefreshedTokens:
        """New tokens. Raises RefusedError, or GatewayError when that cannot be found out now."""
        ...


class _Flight:
    """A renewal that is under way in this worker."""

    __slots__ = ("done", "outcome")

    def __init__(self) -> None:
        self.done = Event()
        self.outcome: Entry | GatewayError | None = _unavailable()


class TokenRefresher:
    """Keeps the access tokens of one provider's sessions good."""

    __slots__ = ("_before", "_clock", "_flights", "_pause", "_refresher", "_sessions", "_store")

    def __init__(
        self,
        sessions: Sessions,
        store: Store,
        refresher: Refresher,
        *,
        renew_before: float,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = gevent.sleep,
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._refresher = refresher
        self._before = renew_before
        self._clock = clock
        self._pause = pause
        self._flights: dict[bytes, _Flight] = {}

    def fresh(self, entry: Entry) -> Entry | None:
        """The session with a good access token; None when it has ended. May wait for the provider, or for who asks it.

        Raises GatewayError IDENTITY_UNAVAILABLE or STORE_UNAVAILABLE when the token has ended and no other can be had.
        """
        tokens = entry.session.tokens
        if tokens is None or not self._is_due(tokens):
            return entry
        is_good = tokens.lives(self._clock())
        if not tokens.refresh:
            if not is_good:
                self._sessions.end(entry.key)
            return entry if is_good else None
        flight = self._flights.get(entry.key)
        if flight is None:
            flight = self._flights[entry.key] = _Flight()
            # In a greenlet of its own: if the request ends early, the tokens that come must be kept nevertheless.
            gevent.spawn(self._fly, flight, entry)
        elif is_good:
            return entry
        flight.done.wait(COURTESY if is_good else PATIENCE)
        outcome = flight.outcome
        if not isinstance(outcome, GatewayError):
            return outcome
        if is_good:
            return entry
        raise GatewayError(outcome.kind, outcome.detail, headers=outcome.headers, cause=outcome.cause)

    def _is_due(self, tokens: Tokens) -> bool:
        if tokens.until is None:
            return False
        # One that lives shorter than `renew_before` would otherwise be renewed with every request.
        return self._clock() >= tokens.until - min(self._before, (tokens.until - tokens.since) / 2)

    def _fly(self, flight: _Flight, entry: Entry) -> None:
        """Renew and say what came of it; never raises."""
        try:
            flight.outcome = self._renew(entry)
        except GatewayError as error:
            flight.outcome = error
        except StoreError as error:
            flight.outcome = GatewayError(STORE_UNAVAILABLE, cause=error)
        except Exception:
            log.exception("renewing a session failed")
        finally:
            del self._flights[entry.key]
            flight.done.set()

    def _renew(self, entry: Entry) -> Entry | None:
        """Renew if the lease can be had; else the present token while it is good, else what its holder gets."""
        lease, mine = b"renewal:" + entry.key, secrets.token_bytes(16)
        found: Entry | None = entry
        for pause in PAUSES:
            if self._store.set_if_absent(lease, mine, LEASE):
                return self._lead(entry.key, lease, mine)
            if found is None or found.session.tokens is None or found.session.tokens.lives(self._clock()):
                return found
            if self._store.get(lease) == _FAILED:
                break
            self._pause(pause)
            found = self._sessions.read(entry.key)
        raise _unavailable()

    def _lead(self, key: bytes, lease: bytes, mine: bytes) -> Entry | None:
        """Renew as the only one. The lease is let go of, or left behind as a sign not to try again yet."""
        entry = self._sessions.read(key)  # anew: who had the lease before may have renewed it
        tokens = None if entry is None else entry.session.tokens
        try:
            if entry is not None and tokens is not None and self._is_due(tokens):
                entry = self._keep(key, self._refresher.refresh(tokens, entry.session.subject))
        except RefusedError as refused:
            log.warning("a session of %s ends: %s", self._sessions.provider, refused)
            self._sessions.end(key)
            entry = None
        except GatewayError as error:
            self._store.set(lease, _FAILED, self._retry_after(key))
            raise _unavailable(error) from error
        # Let go of in the only way that cannot take away a lease which is another's by now.
        self._store.compare_and_set(lease, mine, b"over", 0.001)
        return entry

    def _keep(self, key: bytes, renewed: RefreshedTokens) -> Entry | None:
        """Put the new tokens into the record; None when the session was ended meanwhile."""

        def edit(session: BrowserSession) -> BrowserSession:
            claims = session.claims if renewed.claims is None else renewed.claims
            return replace(session, tokens=renewed.tokens, claims=claims)

        for pause in PAUSES[5:8]:
            try:
                return self._sessions.change(key, edit)
            except StoreError:
                # The old refresh token is used up: losing the new one would lose the session.
                self._pause(pause)
        return self._sessions.change(key, edit)

    def _retry_after(self, key: bytes) -> float:
        """Seconds to leave the provider alone: twice as many with each failure."""
        failures = self._store.incr(b"renewal-failures:" + key, 1, 2 * RETRY_MAX)
        return float(min(RETRY_MAX, 2.0 ** min(failures - 1, 10)))


def _unavailable(cause: BaseException | None = None) -> GatewayError:
    detail = "The session cannot be renewed now."
    return GatewayError(IDENTITY_UNAVAILABLE, detail, headers=(("Retry-After", "1"),), cause=cause)
