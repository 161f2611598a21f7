"""Keeping an answer of the upstream, where it may be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import gevent

from gateway.cache.entry import LONGEST, Entry, HitForPass, Variants, variant
from gateway.cache.flights import InFlight
from gateway.cache.key import Key
from gateway.cache.memory_tier import QUARTER
from gateway.cache.request_directives import RequestDirectives
from gateway.cache.response import respond_from_cache
from gateway.cache.response_directives import ResponseDirectives
from gateway.cache.revalidate import is_error
from gateway.cache.rules import CacheOptions
from gateway.cache.runtime import CacheRuntime
from gateway.cache.stats import Count
from gateway.cache.storable import refusal
from gateway.cache.stored_response import current_age, of_origin, stored
from gateway.exchange import Exchange, Headers, Response

#: seconds for which nobody waits for an answer that turned out not to be kept
PASSED: Final = 5.0
#: seconds in which a client takes a piece of a body that others wait for; they do not wait for a slow one
PACE: Final = 1.0
#: what one request alone has caused says nothing about the next one
_OF_THE_REQUEST: Final = frozenset(("authorization", "cookie", "method"))


@dataclass(frozen=True, slots=True)
class CacheRequest:
    """What a request wants, and what is kept for it; `headers` are those that the upstream would see."""

    key: Key
    headers: Headers
    asked: RequestDirectives
    entry: Entry | None

    def why(self, now: float) -> str:
        """Why the upstream is asked (RFC 9211 section 2.2): `request` = what is kept is fresh, and not wanted."""
        if self.entry is None:
            return "miss"
        return "request" if now < self.entry.fresh_until else "stale"


class CacheWriter:
    """What of the answers of one route is kept; `max_size` is bytes."""

    __slots__ = ("_caching", "_count", "_max_size", "_route", "_rules", "_tags")

    def __init__(
        self,
        rules: CacheOptions,
        route: str,
        max_size: int,
        tags: Callable[[Exchange], tuple[str, ...]],
        caching: CacheRuntime,
        count: Count,
    ) -> None:
        self._rules = rules
        self._route = route
        self._max_size = max_size
        self._tags = tags
        self._caching = caching
        self._count = count

    def keep(
        self,
        exchange: Exchange,
        wish: CacheRequest,
        response: Response,
        times: tuple[float, float],
        stamp: int,
        flight: InFlight | None,
    ) -> tuple[Response, str]:
        """The answer to send, and a word on what became of it: "stored", or why not."""
        if exchange.error is not None:
            return response, ""
        body, headers = response.body, of_origin(response.headers)
        why = self._refusal(wish, response, headers)
        if why:
            if not is_error(response.status):  # then the next one asks
                self._pass(flight, why)
            return response, why

        def put(whole: bytes) -> Entry:
            facts = stored(wish.headers, response.status, headers, len(whole), times, self._rules)
            tags = self._tags(exchange)
            entry = Entry(facts, whole, wish.key.url, self._route, tags, stamp)
            self._put(wish.key, entry)
            if flight is not None:
                flight.land(entry, wish.key)
            return entry

        if not isinstance(body, bytes):
            if response.length is None:
                over = None if flight is None else partial(self._over, flight)
                response.body = TeeBody(body, self._most(), put, over)
                if flight is not None:
                    flight.is_handed_on = True
                return response, ""
            # PERF: read here, so that a slow client does not hold up those who wait for the same.
            try:
                body = b"".join(body)
            finally:
                response.close()
            response.body, response.length = body, len(body)
        entry = put(body)
        if not wish.asked.is_plain:
            response = respond_from_cache(wish.asked, entry.stored, body, int(current_age(entry.stored, times[1])))
        return response, "stored"

    def renew(self, key: Key, asked: RequestDirectives, entry: Entry) -> bool:
        """Keep what was confirmed; False where the request or its new fields say that it may not be."""
        if asked.control.no_store:
            return False
        why = refusal(asked, entry.stored.status, entry.stored.headers, self._rules)
        if why:
            self._caching.purges.forget((entry.url,))
            self._caching.memory.set(key.own, HitForPass(self._caching.clock() + PASSED, why))
            return False
        self._put(key, entry)
        return True

    def _most(self) -> int:
        """Bytes of the largest body that is kept: what the memory would not take need not be read first."""
        return min(self._max_size, self._caching.memory.capacity // QUARTER)

    def _refusal(self, wish: CacheRequest, response: Response, headers: Headers) -> str:
        why = refusal(wish.asked, response.status, headers, self._rules)
        if why:
            return why
        if self._is_personal(wish, headers):
            return "cookie"
        if response.length is not None and response.length > self._most():
            return "too-large"
        if not isinstance(response.body, bytes) and any(
            name.lower() == "content-type" and value.lower().startswith("text/event-stream") for name, value in headers
        ):
            return "stream"
        return ""

    def _is_personal(self, wish: CacheRequest, headers: Headers) -> bool:
        """SECURITY: an answer to a request with cookies, of which nobody but the route says that it may be kept."""
        if self._rules.shared or self._rules.partitioned:
            return False
        if not any(len(name) == 6 and name.lower() == "cookie" for name, _ in wish.headers):
            return False
        facts = ResponseDirectives.of(headers)
        control = facts.control
        return not (control.public or facts.expires or control.max_age is not None or control.s_maxage is not None)

    def _pass(self, flight: InFlight | None, why: str) -> None:
        """Nobody is to wait for the like of it."""
        if flight is None:
            return
        flight.is_alone = True
        if why not in _OF_THE_REQUEST:
            self._caching.memory.set(flight.key, HitForPass(self._caching.clock() + PASSED, why))

    def _over(self, flight: InFlight, is_too_large: bool) -> None:
        """A body that streamed is over, or turned out to be one that nobody has to wait for."""
        if is_too_large:
            self._pass(flight, "too-large")
        if flight.is_locked:
            self._caching.shared.unlock(flight.key)
        self._caching.flights.end(flight)

    def _put(self, key: Key, entry: Entry) -> None:
        memory, shared, now = self._caching.memory, self._caching.shared, self._caching.clock()
        name = key.public if entry.is_public else key.own
        chosen = entry.stored.vary or ()
        if chosen:
            variants = Variants(tuple(each for each, _ in chosen))
            memory.set(name, variants)
            shared.set(name, variants, LONGEST)
            name = variant(name, chosen)
        memory.set(name, entry)
        shared.set(name, entry, entry.kept_for(now))
        self._count.stored += 1


class TeeBody:
    """A body that goes by and is kept when it was whole; not more of it than `most` bytes is held."""

    __slots__ = ("_body", "_most", "_over", "_pieces", "_put", "ready")

    def __init__(
        self, body: Iterable[bytes], most: int, put: Callable[[bytes], object], over: Callable[[bool], None] | None
    ) -> None:
        """`over` is called once, when nobody has to wait any longer: whether there was more than may be kept."""
        self._body = body
        self._most = most
        self._put = put
        self._over = over
        self._pieces: list[bytes] | None = []
        #: see gateway/server/app.py: the first piece is there already
        self.ready = bool(getattr(body, "ready", False))

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._body:
            size += len(piece)
            if self._pieces is not None:
                self._pieces.append(piece)
                if size > self._most:
                    self._pieces = None
                    self._end(is_too_large=True)
            if self._over is None:
                yield piece
                continue
            slow = gevent.spawn_later(PACE, self._end)
            try:
                yield piece
            finally:
                slow.kill(block=False)
        if self._pieces is not None:
            self._put(b"".join(self._pieces))
        self._end()

    def close(self) -> None:
        """Close what it reads from."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
        self._end()

    def _end(self, *, is_too_large: bool = False) -> None:
        over, self._over = self._over, None
        if over is not None:
            over(is_too_large)
