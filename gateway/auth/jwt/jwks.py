"""The keys that an issuer publishes (RFC 7517 section 5), fetched by one worker for all of them.

The store holds the set, a lease for whoever fetches, a pause after a failure, and a mark that an unknown key was asked
for.  Every worker has a copy and looks once a second whether the store has another one.  A request waits only when
there are no keys at all, or for a key that nobody has seen yet; and never makes an issuer hear more than one question
in `UNKNOWN_EVERY` seconds.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Final

from gateway.auth.caller import Http
from gateway.auth.jwt.jwks_record import JwkSet
from gateway.auth.jwt.jwks_shared import LEASE, SharedJwks
from gateway.auth.jwt.keys import Key, candidates
from gateway.auth.model import Jwks
from gateway.errors import IDENTITY_UNAVAILABLE, GatewayError
from gateway.exchange import Headers
from gateway.state.single_flight import SingleFlight
from gateway.state.store import Store, StoreError

log = logging.getLogger("gateway")

LOOK_EVERY: Final = 1.0  # seconds between looks into the store
LOOK_AGAIN: Final = 0.25  # the same, when requests have keys that nobody knows
UNKNOWN_EVERY: Final = 10.0
UNKNOWN_WAIT: Final = 2.0
FIRST_WAIT: Final = 5.0
TIMEOUT: Final = 5.0  # of a fetch
POLL: Final = 0.05
RETRY: Final = 1.0  # after a first failure; twice as long after each further one, up to half of `refresh`
#: the part of `refresh` after which the keys are fetched anew: by chance, so that gateways do not all come at once
AHEAD: Final = (0.8, 0.9)


def _sleep(seconds: float) -> None:
    time.sleep(seconds)  # NOTE: by its module, so that in a worker it is gevent's


class RemoteJwks:
    """`KeySource` of one JWK set, in one worker; `tick` is to be called a few times a second. `clock` is Unix time."""

    def __init__(
        self,
        spec: Jwks,
        store: Store,
        http: Http,
        clock: Callable[[], float] = time.time,
        *,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], None] = _sleep,
    ) -> None:
        self._spec = spec
        self._shared = SharedJwks(spec, store)
        self._http = http
        self._clock = clock
        self._chance = chance
        self._sleep = sleep
        self._flights = SingleFlight()
        self._known: JwkSet | None = None
        self._until = self._due = 0.0
        self._epoch = 0
        self._has_expired = False
        self._is_unshared = False
        self._failures = 0
        self._retry_at = 0.0
        self._looked_at = self._asked_at = self._ticked_at = float("-inf")

    @property
    def epoch(self) -> int:
        """Another number whenever the keys are others, or none any more."""
        return self._epoch

    def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """See KeySource. An unknown `kid` makes the keys be fetched anew, if that was not done just now."""
        keys = self._usable()
        found = candidates(keys, kid, algorithm)
        if found or any(key.kid == kid for key in keys):
            return found
        # What somebody else began may have looked before the key was there: then once more.
        if not self._flights.join("looking for an unknown key", self._look_for_unknown, UNKNOWN_WAIT):
            found = candidates(self._usable(), kid, algorithm)
            if not found:
                self._flights.join("looking for an unknown key", self._look_for_unknown, UNKNOWN_WAIT)
        found = candidates(self._usable(), kid, algorithm)
        if not found and self._failures:
            raise GatewayError(IDENTITY_UNAVAILABLE, "The newest keys of the token's issuer cannot be had now.")
        return found

    def tick(self) -> None:
        """Fetch what is due, take what others fetched. Does not raise; may take as long as a fetch."""
        try:
            now = self._clock()
            if now < self._ticked_at - LOOK_EVERY:  # the clock was set back: nothing waits for a time that was
                self._retry_at = 0.0
                if self._known is not None:
                    self._take(self._known)
            self._ticked_at = now
            if self._known is not None and now >= self._until and not self._has_expired:
                self._has_expired = True
                self._epoch += 1
                log.error("the keys at %s are too old to be believed", self._spec.url)
            if now >= self._due and now >= self._retry_at:
                self._flights.join("fetching keys", self._renew, LEASE)
            elif not 0 <= now - self._looked_at < LOOK_EVERY:
                self._look()
        except Exception:
            log.exception("keeping the keys at %s failed", self._spec.url)

    def _usable(self) -> tuple[Key, ...]:
        """The keys; waits for them where there are none (any more). Raises GatewayError."""
        for is_last in (False, True):
            now = self._clock()
            if self._known is not None and now < self._until:
                return self._known.keys
            if not is_last and now >= self._retry_at:
                self._flights.join("fetching keys", self._renew, FIRST_WAIT)
        raise GatewayError(IDENTITY_UNAVAILABLE, "The keys of the token's issuer cannot be had now.")

    # What happens at most once at a time in a worker

    def _renew(self) -> None:
        self._fetch_if(lambda: not self._is_paused())

    def _look_for_unknown(self) -> None:
        since = self._clock() - self._looked_at
        if 0 <= since < LOOK_AGAIN:
            self._sleep(LOOK_AGAIN - since)
        self._fetch_if(lambda: not self._is_paused() and self._may_ask())

    def _fetch_if(self, is_allowed: Callable[[], bool]) -> None:
        """Other keys than those we have: what another worker fetched, or is fetching now, else our own fetch."""
        for _ in range(round(LEASE / POLL)):
            if self._look():
                return
            if self._shared.lease():
                break
            self._sleep(POLL)
        else:
            return
        try:
            # NOTE: asked again, and only with the lease: whoever had it before may just have been successful.
            if not self._look() and is_allowed():
                self._fetch()
        finally:
            self._shared.release()

    def _fetch(self) -> None:
        known, headers = self._known, [("Accept", "application/json")]
        if known is not None and known.etag:
            headers.append(("If-None-Match", known.etag))
        try:
            status, fields, body = self._http.request("GET", self._spec.url, headers=headers, timeout=TIMEOUT)
            found = self._read(known, status, fields, body)
        except (GatewayError, ValueError) as error:
            self._fail(error)
            return
        self._take(found)
        self._is_unshared = not self._shared.put(found.raw)

    def _read(self, known: JwkSet | None, status: int, fields: Headers, body: bytes) -> JwkSet:
        now = self._clock()
        if status == 304 and known is not None and known.etag:
            return known.again(now)
        if status != 200:
            raise ValueError(f"the answer has status {status}")
        return JwkSet.fetched(now, fields, body)

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        pause = min(self._spec.refresh / 2, RETRY * 2.0 ** min(self._failures - 1, 30)) * (1 - self._chance() / 5)
        self._retry_at = self._clock() + pause
        log.warning("the keys at %s could not be fetched, again in %.1f s: %s", self._spec.url, pause, error)
        self._shared.pause(self._failures, pause)

    def _take(self, found: JwkSet) -> None:
        """Use these keys from here on."""
        now = self._clock()
        if self._known is None or self._known.text != found.text:
            self._epoch += 1
        # Another host's clock may be ahead: what it fetched is not from the future.
        fetched_at = min(found.fetched_at, now)
        low, high = AHEAD
        self._until = fetched_at + self._spec.stale
        self._due = fetched_at + min(self._spec.refresh, self._spec.stale) * (low + (high - low) * self._chance())
        self._known = found
        self._has_expired = self._is_unshared = False
        self._failures, self._retry_at = 0, 0.0

    def _look(self) -> bool:
        """Take what the store has, if that is something else; whether it was."""
        now = self._looked_at = self._clock()
        known = self._known
        try:
            raw = self._shared.get()
        except StoreError:
            return False
        if raw is None or (known is not None and raw == known.raw):
            self._is_unshared = known is not None and raw is None and not self._shared.mend(known.raw, None)
            return False
        try:
            found = JwkSet.stored(raw)
        except ValueError as error:
            log.error("what the store has of the keys at %s cannot be used: %s", self._spec.url, error)
            return False
        if known is not None and self._is_unshared and found.fetched_at < known.fetched_at:
            self._is_unshared = not self._shared.mend(known.raw, raw)
            return False
        if now >= found.fetched_at + self._spec.stale:
            return False
        self._take(found)
        return True

    def _is_paused(self) -> bool:
        """Whether this or another worker failed a moment ago."""
        now = self._clock()
        if now < self._retry_at:
            return True
        failures = self._shared.failures()
        if failures:
            self._failures = max(self._failures, failures)
            self._retry_at = now + LOOK_EVERY
        return failures > 0

    def _may_ask(self) -> bool:
        now = self._clock()
        if 0 <= now - self._asked_at < UNKNOWN_EVERY or not self._shared.may_ask(UNKNOWN_EVERY):
            return False
        self._asked_at = now
        return True
