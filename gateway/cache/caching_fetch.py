"""A fetch around a fetch: answers with what is kept, and lets one of many that want the same ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Final

from gateway.cache.entry import Entry, HitForPass, Kept, Variants
from gateway.cache.fetch import Fetching, Plans
from gateway.cache.flights import InFlight
from gateway.cache.key import Key, Keys
from gateway.cache.lookup import Action, Decision, verdict
from gateway.cache.request_directives import RequestDirectives
from gateway.cache.response import respond_from_cache
from gateway.cache.runtime import CacheRuntime
from gateway.cache.stored_response import selects
from gateway.cache.write import CacheRequest
from gateway.errors import NOT_CACHED, GatewayError
from gateway.exchange import CACHE_HIT, CACHE_STALE, Exchange, Headers, Response

#: seconds that a request waits for what another one fetches, in each of its turns
PATIENCE: Final = 10.0
#: how often a request waits for another one before it goes by itself
TURNS: Final = 3
#: what makes a request one that is looked at closely, as the environ has it
_SPECIAL: Final = frozenset(
    ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_RANGE",
     "HTTP_IF_RANGE", "HTTP_CACHE_CONTROL", "HTTP_PRAGMA")
)  # fmt: skip


@dataclass(slots=True)
class FetchTurn:
    """What is known of a request so far."""

    key: Key
    headers: Headers
    asked: RequestDirectives
    arrived: float


class CachingFetch:
    """The fetch of a route with `cache`."""

    __slots__ = ("_caching", "_clock", "_count", "_fetching", "_keys", "_memory", "_plans", "_purges")

    def __init__(self, plans: Plans, keys: Keys, caching: CacheRuntime) -> None:
        self._plans = plans
        self._keys = keys
        self._caching = caching
        self._memory = caching.memory
        self._purges = caching.purges
        self._clock = caching.clock
        self._count = caching.counts.of(plans.inner.name)
        self._fetching = Fetching(plans, caching, self._count)

    def fetch(self, exchange: Exchange) -> Response:
        """The answer. Raises GatewayError for who wants only what is kept where nothing is."""
        method, environ = exchange.method, exchange.environ
        if (method not in ("GET", "HEAD")) or exchange.body_length or "gateway.upgrade" in environ:
            return self._fetching.past(exchange, "method" if method not in ("GET", "HEAD") else "bypass")
        key = self._keys.of(exchange)
        if key is None:
            return self._fetching.past(exchange, "bypass", "no-subject")
        headers = exchange.headers if exchange.outgoing is None else exchange.outgoing
        found, name = self._near(key, headers)
        now = self._clock()
        # PERF: most answers end here (perf/scenarios/cache-hit); the verdict of all others has more to read.
        if type(found) is Entry and now < found.fresh_until and method == "GET" and _SPECIAL.isdisjoint(environ):
            self._count.hits += 1
            exchange.marks |= CACHE_HIT
            return found.answer(now)
        if type(found) is HitForPass and now < found.until and _SPECIAL.isdisjoint(environ):
            return self._fetching.past(exchange, "miss", found.why)
        turn = FetchTurn(key, headers, RequestDirectives.of(method, headers), now)
        if turn.asked.is_for_origin:
            return self._fetching.past(exchange, "bypass", "precondition")
        return self._turns(exchange, turn, found, name)

    def _near(self, key: Key, headers: Headers) -> tuple[Kept | None, str]:
        """What this worker has for a request, and the key under which the answer for it is, as far as is known."""
        own = key.own
        found, name = self._look(own, headers)
        if found is None and key.public is not own:
            found, public = self._look(key.public, headers)
            if found is not None:
                return found, public
        return found, name

    def _look(self, key: str, headers: Headers) -> tuple[Kept | None, str]:
        found = self._memory.get(key)
        if type(found) is Variants:
            key = found.key(key, headers, self._plans.rules)
            found = self._memory.get(key)
        if type(found) is Entry and not self._purges.holds(found):
            self._memory.drop(key)
            return None, key
        return found, key

    def _turns(self, exchange: Exchange, turn: FetchTurn, found: Kept | None, name: str) -> Response:
        asked, flights = turn.asked, self._caching.flights
        is_odd = asked.method == "HEAD" or asked.range is not None or asked.control.no_store
        for _ in range(TURNS):
            now = self._clock()
            if isinstance(found, HitForPass):
                if now < found.until and not asked.control.only_if_cached:
                    return self._fetching.past(exchange, "miss", found.why)
                found = None
            if found is None and (is_odd or asked.control.only_if_cached):
                found = self._fetching.far(turn.key, turn.headers)
            entry = found if isinstance(found, Entry) else None
            seen = verdict(asked, None if entry is None else entry.stored, now)
            sent = self._sent(exchange, turn, name, entry, seen)
            if sent is not None:
                return sent
            wish = CacheRequest(turn.key, turn.headers, asked, entry)
            if is_odd and (entry is None or asked.control.no_store):
                return self._fetching.ask(exchange, wish, None)
            flight, is_mine = flights.begin(name, now)
            if is_mine:
                with flights.flying(flight):
                    return self._fetching.lead(exchange, wish, flight)
            if not flight.wait(min(PATIENCE, exchange.deadline - monotonic())) or flight.is_alone:
                return self._fetching.ask(exchange, wish, None)
            shared = self._collapsed(turn, flight)
            if shared is not None:
                exchange.marks |= CACHE_HIT
                return shared
            found, name = self._near(turn.key, turn.headers)
        return self._fetching.ask(exchange, wish, None)

    def _sent(
        self, exchange: Exchange, turn: FetchTurn, name: str, entry: Entry | None, seen: Decision
    ) -> Response | None:
        """The answer out of what is kept, where that will do."""
        use = seen.use
        if use is Action.TIMEOUT:
            words = "The request takes only what is kept, and nothing is that would do."
            raise GatewayError(NOT_CACHED, words, headers=(("Cache-Status", "gateway; detail=only-if-cached"),))
        if entry is None or use is Action.MISS:
            return None
        if use is Action.VALIDATE:
            if not (seen.on_error and self._clock() < entry.quiet_until):
                return None
            self._count.saved += 1
            exchange.marks |= CACHE_STALE
            return _answer(turn.asked, entry, seen, "hit", "; detail=upstream-failed")
        if use is Action.FRESH:
            self._count.hits += 1
            exchange.marks |= CACHE_HIT
        else:
            self._count.stale += 1
            exchange.marks |= CACHE_STALE
        if use is Action.REFRESH:
            self._fetching.refresh(exchange, CacheRequest(turn.key, turn.headers, turn.asked, entry), name)
        return _answer(turn.asked, entry, seen, "hit")

    def _collapsed(self, turn: FetchTurn, flight: InFlight) -> Response | None:
        """What came of the flight that was waited for, where it is the answer to this request too."""
        entry = flight.entry
        if entry is None or not selects(entry.stored, turn.headers, self._plans.rules):
            return None
        seen = verdict(turn.asked, entry.stored, self._clock())
        # RFC 9111 section 4: what must be confirmed for each request was, if it was asked for after this one came.
        if seen.use is Action.VALIDATE and flight.began < turn.arrived:
            return None
        self._count.collapsed += 1
        return _answer(turn.asked, entry, seen, "fwd=miss; collapsed", "")


def _answer(asked: RequestDirectives, entry: Entry, seen: Decision, how: str, detail: str = "") -> Response:
    response = respond_from_cache(asked, entry.stored, entry.body, seen.age)
    response.headers.append(("Cache-Status", f"gateway; {how}; ttl={int(seen.left)}{detail}"))
    return response
