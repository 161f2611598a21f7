"""Browser sessions in the store: the browser holds an opaque value, the store all the rest under its hash.

    session:{provider}:{hash of the cookie}     the record, JSON; its ttl is what is left of idle time and whole life
    sessions:{provider}:{hash of the subject}   a mark, there once the subject was logged out everywhere: sessions
                                                that do not bear it are over

SECURITY: who reads the store gets no cookies out of it; a cookie has 256 random bits, so its plain SHA-256 is enough.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, Final, NamedTuple

from gateway.auth.model import Session
from gateway.errors import UPSTREAM_BAD_ANSWER, GatewayError
from gateway.state.store import Store, StoreError, StoreUnavailableError

RECORD_MAX: Final = 64 << 10  # bytes
TTL_MIN: Final = 0.001  # seconds: of a session that ended between two lines
_VERSION: Final = 1
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_TRIES: Final = 16  # of changing a record that others change too, once each


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an OpenID provider gave at `since`; the access token ends at `until`, None = it does not say. "" = none."""

    access: str
    since: float
    until: float | None
    refresh: str
    id_token: str
    scopes: tuple[str, ...]

    def lives(self, now: float) -> bool:
        """Whether the access token is good at `now`."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """One session; times are Unix seconds. `mark` is the subject's when the session began, "" = none."""

    subject: str
    claims: dict[str, Any]
    created: float
    seen: float
    csrf: str
    mark: str
    tokens: Tokens | None


class Entry(NamedTuple):
    """A session as it was found: its key, the very bytes of its record, and what they say."""

    key: bytes
    raw: bytes
    session: BrowserSession


class Sessions:
    """The sessions of one provider. Every method may raise StoreError."""

    __slots__ = ("_clock", "_marks", "_prefix", "_store", "idle", "provider", "ttl")

    def __init__(self, provider: str, spec: Session, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.provider = provider
        self.idle = spec.idle
        self.ttl = spec.ttl
        self._store = store
        self._clock = clock
        self._prefix = f"session:{provider}:".encode()
        self._marks = f"sessions:{provider}:".encode()

    def begin(self, subject: str, claims: dict[str, Any], tokens: Tokens | None = None) -> tuple[str, Entry]:
        """A new session, and the value for its cookie. Raises GatewayError when it would be too large to keep."""
        value, now = secrets.token_urlsafe(32), self._clock()
        mark = (self._store.get(self._mark_key(subject)) or b"").decode()
        session = BrowserSession(subject, claims, now, now, secrets.token_urlsafe(32), mark, tokens)
        entry = Entry(self._key(value), self._packed(session), session)
        self._store.set(entry.key, entry.raw, self._left(session, now))
        return value, entry

    def find(self, value: str, known: Entry | None = None) -> Entry | None:
        """The living session of a cookie; `known` spares reading a record that is still the same."""
        return self.read(self._key(value), known) if _VALUE.fullmatch(value) else None

    def read(self, key: bytes, known: Entry | None = None) -> Entry | None:
        """The living session under a key."""
        raw = self._store.get(key)
        if raw is None:
            return None
        entry = known if known is not None and known.raw == raw else self._unpacked(key, raw)
        if entry is not None and self._left(entry.session, self._clock()) > 0.0 and self._bears_mark(entry.session):
            return entry
        with suppress(StoreError):  # it is over, whether the record can be removed or not
            self._store.delete(key)
        return None

    def touch(self, entry: Entry) -> Entry:
        """Note that the session was used. PERF: written once in a tenth of the idle time, not with each request."""
        now = self._clock()
        if 0 <= now - entry.session.seen < self.idle / 10:
            return entry
        session = replace(entry.session, seen=now)
        raw = self._packed(session)
        # Who changed the record meanwhile saw it in use too, and an ended session must not come back.
        is_written = self._store.compare_and_set(entry.key, entry.raw, raw, max(self._left(session, now), TTL_MIN))
        return Entry(entry.key, raw, session) if is_written else entry

    def change(self, key: bytes, edit: Callable[[BrowserSession], BrowserSession]) -> Entry | None:
        """Change a record, whoever else does; None when the session has ended."""
        for _ in range(_TRIES):
            entry = self.read(key)
            if entry is None:
                return None
            session = edit(entry.session)
            raw = self._packed(session)
            if self._store.compare_and_set(key, entry.raw, raw, max(self._left(session, self._clock()), TTL_MIN)):
                return Entry(key, raw, session)
        raise StoreUnavailableError("a session changes too often to be changed")

    def end(self, key: bytes) -> None:
        """End one session."""
        self._store.delete(key)

    def end_everywhere(self, subject: str) -> None:
        """End every session that the subject has now."""
        # The mark outlives the sessions it ends; no clocks are compared, so hosts need not agree on the time.
        self._store.set(self._mark_key(subject), secrets.token_hex(8).encode(), self.ttl + 60.0)

    def is_alive(self, session: BrowserSession) -> bool:
        """Whether the times of a session allow it; for those who cannot ask the store."""
        return self._left(session, self._clock()) > 0.0

    def _left(self, session: BrowserSession, now: float) -> float:
        """Seconds until the session ends if nobody uses it."""
        return min(session.seen + self.idle, session.created + self.ttl) - now

    def _bears_mark(self, session: BrowserSession) -> bool:
        mark = self._store.get(self._mark_key(session.subject))
        return mark is None or mark.decode() == session.mark

    def _key(self, value: str) -> bytes:
        return self._prefix + sha256(value.encode()).hexdigest().encode()

    def _mark_key(self, subject: str) -> bytes:
        return self._marks + sha256(subject.encode("utf-8", "surrogatepass")).hexdigest().encode()

    def _packed(self, session: BrowserSession) -> bytes:
        raw = json.dumps({"v": _VERSION, "provider": self.provider, **asdict(session)}, separators=(",", ":")).encode()
        if len(raw) > RECORD_MAX:
            raise GatewayError(UPSTREAM_BAD_ANSWER, "What is known of the caller is too large for a session.")
        return raw

    def _unpacked(self, key: bytes, raw: bytes) -> Entry | None:
        """What a record says; None for one of another version or provider: its holder logs in again."""
        try:
            record = json.loads(raw)
            if record.pop("v") != _VERSION or record.pop("provider") != self.provider:
                return None
            tokens = record.pop("tokens")
            if tokens is not None:
                tokens = Tokens(**{**tokens, "scopes": tuple(tokens["scopes"])})
            return Entry(key, raw, BrowserSession(**record, tokens=tokens))
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
