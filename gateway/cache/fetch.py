"""Asking the upstream for what is not kept, or must be confirmed, and keeping what comes."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final

import gevent

from gateway import pipeline
from gateway.cache.background import in_background, invalidate
from gateway.cache.entry import Entry, Variants
from gateway.cache.flights import AT_ONCE, InFlight
from gateway.cache.key import Key
from gateway.cache.lookup import Action, verdict
from gateway.cache.request_directives import RequestDirectives, bare
from gateway.cache.response import respond_from_cache
from gateway.cache.revalidate import agrees, conditional, freshened, head_agrees, is_error
from gateway.cache.rules import CacheOptions
from gateway.cache.runtime import CacheRuntime
from gateway.cache.shared_tier import LOCKED
from gateway.cache.stats import Count
from gateway.cache.stored_response import selects
from gateway.cache.write import CacheRequest, CacheWriter
from gateway.contracts import RoutePlan
from gateway.errors import GatewayError
from gateway.exchange import CACHE_BYPASS, CACHE_HIT, CACHE_MISS, CACHE_STALE, Exchange, Headers, Response

log = logging.getLogger("gateway")

#: seconds for which an upstream that failed is not asked again while what is kept may be sent instead
QUIET: Final = 2.0
_SENT: Final = (Action.FRESH, Action.STALE, Action.REFRESH)


@dataclass(frozen=True, slots=True)
class Plans:
    """What a route's cache is made of; `inner` is the rest of the line, `max_size` is bytes."""

    rules: CacheOptions
    inner: RoutePlan
    max_size: int
    tags: Callable[[Exchange], tuple[str, ...]]


class Fetching:
    """The way to the upstream of one route."""

    __slots__ = ("_caching", "_count", "_keeping", "_plans")

    def __init__(self, plans: Plans, caching: CacheRuntime, count: Count) -> None:
        self._plans = plans
        self._caching = caching
        self._count = count
        self._keeping = CacheWriter(plans.rules, plans.inner.name, plans.max_size, plans.tags, caching, count)

    def past(self, exchange: Exchange, why: str, detail: str = "") -> Response:
        """The answer of the upstream, of which nothing is kept; what it changes is no longer kept."""
        self._count.bypassed += 1
        exchange.marks |= CACHE_BYPASS
        response = pipeline.run(exchange, self._plans.inner)
        invalidate(exchange, response, self._caching)
        return _with_status(response, why, detail)

    def far(self, key: Key, headers: Headers) -> Entry | None:
        """What other workers keep for a request; this one keeps it too from now on."""
        rules, memory, shared = self._plans.rules, self._caching.memory, self._caching.shared
        holds = self._caching.purges.holds
        for base in dict.fromkeys((key.own, key.public)):
            name, found = base, shared.get(base, rules)
            if isinstance(found, Variants):
                memory.set(name, found)
                name = found.key(name, headers, rules)
                found = shared.get(name, rules)
            if isinstance(found, Entry) and holds(found) and selects(found.stored, headers, rules):
                mine = memory.get(name)  # NOTE: newer where the store was out of reach meanwhile
                if not (isinstance(mine, Entry) and found.is_older(mine) and holds(mine)):
                    memory.set(name, mine := found)
                return mine
        return None

    def lead(self, exchange: Exchange, wish: CacheRequest, flight: InFlight) -> Response:
        """The answer to a request, for which others may wait."""
        shared, name = self._caching.shared, flight.key
        sent, wish = self._elsewhere(wish, flight, "hit")
        if sent is not None:
            exchange.marks |= CACHE_HIT
            return sent
        is_mine = flight.is_locked = shared.lock(name)
        if not is_mine:
            shared.wait(name, min(LOCKED / 2, (exchange.deadline - monotonic()) / 2))
            sent, wish = self._elsewhere(wish, flight, "fwd=miss; collapsed")
            if sent is not None:
                exchange.marks |= CACHE_HIT
                return sent
        try:
            return self.ask(exchange, wish, flight)
        finally:
            if is_mine and not flight.is_handed_on:
                shared.unlock(name)

    def _elsewhere(self, wish: CacheRequest, flight: InFlight, how: str) -> tuple[Response | None, CacheRequest]:
        """What another worker has fetched, where it will do; else the wish with the latest that is kept."""
        entry, clock = self.far(wish.key, wish.headers), self._caching.clock
        if entry is None or (wish.entry is not None and entry.is_older(wish.entry)):
            return None, wish
        wish = replace(wish, entry=entry)
        seen = verdict(wish.asked, entry.stored, clock())
        if seen.use not in _SENT:
            return None, wish
        flight.land(entry, wish.key)
        self._count.hits += 1
        response = respond_from_cache(wish.asked, entry.stored, entry.body, seen.age)
        response.headers.append(("Cache-Status", f"gateway; {how}; ttl={int(seen.left)}"))
        return response, wish

    def ask(self, exchange: Exchange, wish: CacheRequest, flight: InFlight | None) -> Response:
        """The answer of the upstream, kept where it may be; what is kept already in place of a failure."""
        entry, asked, clock = wish.entry, wish.asked, self._caching.clock
        exchange.marks |= CACHE_MISS
        stamp, asked_at, path = self._caching.purges.number, clock(), exchange.upstream_path
        response = self._run(exchange, wish)
        times = (asked_at, clock())
        if entry is not None:
            if response.status == 304 and asked.method == "GET":
                if agrees(entry.stored, response.headers):
                    return self._confirmed(wish, response, times, stamp, flight)
                response.close()
                exchange.upstream_path = path  # the steps behind the cache are walked once more
                return self.ask(exchange, replace(wish, entry=None), flight)
            if is_error(response.status):
                return self._instead(exchange, wish, entry, response)
            if asked.method == "HEAD":
                self._described(wish, response, times, stamp)
                return _with_status(response, wish.why(asked_at))
        self._count.misses += 1
        try:
            response, why = self._keeping.keep(exchange, wish, response, times, stamp, flight)
        except GatewayError as error:  # it broke off before any of it was sent
            response = pipeline.failed(exchange, error)
            return (
                self._instead(exchange, wish, entry, response) if entry else _with_status(response, wish.why(asked_at))
            )
        return _with_status(response, wish.why(asked_at), why)

    def _run(self, exchange: Exchange, wish: CacheRequest) -> Response:
        """Ask for the whole answer, or whether the one that is kept still holds."""
        asked, entry = wish.asked, wish.entry
        if (asked.method == "GET" and asked.range is None) or entry is not None:
            headers = bare(wish.headers)
            if entry is not None and asked.method == "GET":
                headers += conditional(entry.stored)
        else:
            headers = list(wish.headers)
        coding = self._plans.rules.coding
        if coding is not None:
            # One answer serves all whose field comes to the same, so the upstream is shown what it comes to: without a
            # field it might send any coding (RFC 9110 section 12.5.3), also to those who take none.
            chosen = coding(exchange.header("accept-encoding")) or "identity"
            headers = [field for field in headers if field[0].lower() != "accept-encoding"]
            headers.append(("Accept-Encoding", chosen))
        exchange.outgoing = headers
        return pipeline.run(exchange, self._plans.inner)

    def _confirmed(
        self, wish: CacheRequest, response: Response, times: tuple[float, float], stamp: int, flight: InFlight | None
    ) -> Response:
        """A 304: what is kept holds on."""
        entry = wish.entry
        assert entry is not None
        self._count.revalidated += 1
        made = freshened(entry.stored, wish.headers, response.headers, times, self._plans.rules)
        response.close()
        fresh = Entry(made, entry.body, entry.url, entry.route, entry.tags, stamp)
        stays = self._keeping.renew(wish.key, wish.asked, fresh)
        if flight is not None and stays:
            flight.land(fresh, wish.key)
        seen = verdict(wish.asked, made, times[1])
        sent = respond_from_cache(wish.asked, made, entry.body, seen.age)
        how = f"; fwd-status=304{'; stored' if stays else ''}; ttl={int(seen.left)}"
        return _with_status(sent, wish.why(times[0]), "", how)

    def _instead(self, exchange: Exchange, wish: CacheRequest, entry: Entry, response: Response) -> Response:
        """What is kept, in place of an error; the error where that is too old."""
        now = self._caching.clock()
        seen = verdict(wish.asked, entry.stored, now)
        if not exchange.hurried:  # a client that leaves no time says nothing of the upstream
            entry.quiet_until = now + QUIET
        if not seen.on_error or not self._caching.purges.holds(entry):
            return _with_status(response, wish.why(now))
        status = response.status
        response.close()
        exchange.error = None
        exchange.marks = exchange.marks & ~CACHE_MISS | CACHE_STALE
        self._count.saved += 1
        sent = respond_from_cache(wish.asked, entry.stored, entry.body, seen.age)
        return _with_status(sent, wish.why(now), "upstream-failed", f"; fwd-status={status}; ttl={int(seen.left)}")

    def _described(self, wish: CacheRequest, response: Response, times: tuple[float, float], stamp: int) -> None:
        """The answer to a HEAD tells whether what is kept for GET still holds (RFC 9111 section 4.3.5)."""
        entry = wish.entry
        if entry is None or response.status != 200:
            return
        if head_agrees(entry.stored, response.headers):
            made = freshened(entry.stored, wish.headers, response.headers, times, self._plans.rules)
            fresh = Entry(made, entry.body, entry.url, entry.route, entry.tags, stamp)
            self._keeping.renew(wish.key, replace(wish.asked, method="GET"), fresh)
        else:
            self._caching.purges.forget((entry.url,))

    def refresh(self, exchange: Exchange, wish: CacheRequest, name: str) -> None:
        """Fetch anew what is kept, beside the request that was answered with it; once at a time."""
        flights, now = self._caching.flights, self._caching.clock()
        entry = wish.entry
        if entry is None or now < entry.quiet_until or flights.refreshing >= AT_ONCE:
            return
        flight, is_mine = flights.begin(name, now)
        if is_mine:
            flights.refreshing += 1
            plain = replace(wish, asked=RequestDirectives.of("GET", []), headers=bare(wish.headers))
            gevent.spawn(self._refresh, in_background(exchange, self._plans.inner), plain, flight)

    def _refresh(self, exchange: Exchange, wish: CacheRequest, flight: InFlight) -> None:
        flights, shared = self._caching.flights, self._caching.shared
        try:
            with flights.flying(flight):
                _, wish = self._elsewhere(wish, flight, "hit")
                is_stale = flight.entry is None or flight.entry.fresh_until <= self._caching.clock()
                if is_stale and shared.lock(flight.key):  # else another worker does it
                    self._count.refreshed += 1
                    try:
                        body = self.ask(exchange, wish, flight).body
                        if not isinstance(body, bytes):
                            deque(body, maxlen=0)  # to its end, which keeps it
                    finally:
                        shared.unlock(flight.key)
        except Exception:  # a greenlet's last frame: nobody waits for this answer, the kept one stays
            log.exception("refreshing %s failed", wish.key.url)
        finally:
            flights.refreshing -= 1
            pipeline.finish(exchange)


def _with_status(response: Response, why: str, detail: str = "", more: str = "") -> Response:
    """The answer, with what RFC 9211 says of how it came about; `detail` "stored" is a word of its own there."""
    said = "; stored" if detail == "stored" else f"; detail={detail}" if detail else ""
    response.headers.append(("Cache-Status", f"gateway; fwd={why}{more}{said}"))
    return response
