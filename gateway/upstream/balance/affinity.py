"""Balancers that keep what belongs together on one target: by a key in the request, or by a cookie of our own.

Keys are spread by rendezvous hashing, not by a ring or a Maglev table: shares are exact for any weights, a target that
goes moves only its own keys (a Maglev table of 65,537 entries moves 1.6 times as many among 100 targets), its keys are
spread over all others, and no table is built when targets change.  PERF: the price grows with the targets, and is
0.2 us among 100 of equal weight, 0.8 when weights differ (perf/micro/bench_balance.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from math import ceil, inf
from typing import Generic, Protocol

from gateway._fast.rendezvous_hash import Rendezvous, values
from gateway.exchange import Exchange, Headers, Response
from gateway.http import template as templates
from gateway.upstream.balance.slow_start import T, Weights, effective_weights

#: gives the key of a request, "" when it has none
Key = Callable[[Exchange], str]


class Fallback(Protocol[T]):
    """Who decides when there is no key."""

    def pick(self, eligible: tuple[T, ...], exchange: Exchange, now: int, tried: tuple[T, ...] = ()) -> T:
        """A target."""
        ...


class HashBalancer(Generic[T]):
    """Requests with one key go to one target; those without go where `fallback` says.

    With a `headroom` no target has more than ceil((1 + headroom) * its share) of the requests in flight: what is beyond
    goes to the key's next choice (consistent hashing with bounded loads, Mirrokni, Thorup and Zadimoghaddam 2016).
    """

    __slots__ = ("_fallback", "_headroom", "_key", "_places", "_weights")
    answered = None

    def __init__(self, key: Key, fallback: Fallback[T], headroom: float = inf) -> None:
        self._key = key
        self._fallback = fallback
        self._headroom = headroom
        self._weights: Weights[T] = Weights(())
        self._places: Rendezvous | None = None

    def pick(self, eligible: tuple[T, ...], exchange: Exchange, now: int, tried: tuple[T, ...] = ()) -> T:
        """The target of the request's key."""
        key = self._key(exchange)
        if not key:
            return self._fallback.pick(eligible, exchange, now, tried)
        places = self._places
        if places is None or eligible is not self._weights.targets:
            self._weights = weights = effective_weights(eligible, now, 0)
            self._places = places = Rendezvous([target.address for target in eligible], weights.each)
        first = places.first(key)
        if not tried and (self._headroom == inf or self._has_room(first, self._allowed())):
            return eligible[first]
        return self._walk(places.order(key), tried)

    def _walk(self, order: list[int], tried: tuple[T, ...]) -> T:
        """The first choice that was not tried and has room; else the first that was not tried; else the first."""
        targets = self._weights.targets
        untried = [at for at in order if targets[at] not in tried] or order
        if self._headroom == inf:
            return targets[untried[0]]
        allowed = self._allowed()
        return targets[next((at for at in untried if self._has_room(at, allowed)), untried[0])]

    def _allowed(self) -> float:
        """How many requests may be in flight for each unit of weight, this one among them."""
        total = 1 + sum([inflight() for inflight in self._weights.inflight])
        return (1.0 + self._headroom) * total / self._weights.total

    def _has_room(self, at: int, allowed: float) -> bool:
        return self._weights.inflight[at]() < ceil(allowed * self._weights.each[at])


class CookieAffinity(Generic[T]):
    """A client stays on its target as long as that is eligible; a cookie says which it is.

    The cookie holds 32 bits of a hash of the address, and nothing signs it: whoever changes it chooses another target.
    SECURITY: it does not show the address, but who guesses an address can confirm it.
    """

    __slots__ = ("_by_token", "_fallback", "_targets", "_upstream", "cookie")

    def __init__(self, upstream: str, fallback: Fallback[T]) -> None:
        self.cookie = f"gw_{token(upstream)}"
        self._upstream = upstream
        self._fallback = fallback
        self._targets: tuple[T, ...] = ()
        self._by_token: dict[str, T] = {}

    def pick(self, eligible: tuple[T, ...], exchange: Exchange, now: int, tried: tuple[T, ...] = ()) -> T:
        """The target of the client's cookie; a new one when there is none or it is gone."""
        if eligible is not self._targets:
            self._targets = eligible
            self._by_token = {self.token_of(target): target for target in eligible}
        target = self._by_token.get(cookie(exchange.headers, self.cookie))
        if target is None or target in tried:
            return self._fallback.pick(eligible, exchange, now, tried)
        return target

    def token_of(self, target: T) -> str:
        """What the cookie holds for a target."""
        return token(self._upstream, target.address)

    def answered(self, exchange: Exchange, target: T, response: Response) -> None:
        """Tell the client which target is its own, unless it says so itself (RFC 6265 section 4.1)."""
        value = self.token_of(target)
        if cookie(exchange.headers, self.cookie) != value:
            set_cookie(exchange, response, self.cookie, value)


def token(*words: str) -> str:
    """32 bits that stand for `words`, as 8 hexadecimal digits."""
    return hashlib.blake2b("\0".join(words).encode(), digest_size=4).hexdigest()


def cookie(headers: Headers, name: str) -> str:
    """The value of a cookie (RFC 6265 section 5.4), or ""."""
    for line in values(headers, "cookie"):
        if name in line:
            for pair in line.split(";"):
                key, _, value = pair.strip().partition("=")
                if key == name:
                    return value
    return ""


def set_cookie(exchange: Exchange, response: Response, name: str, value: str) -> None:
    """Have the client keep a cookie until it is closed (RFC 6265 section 4.1)."""
    secure = "; Secure" if exchange.scheme == "https" else ""
    response.headers.append(("Set-Cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}"))


def key_of(kind: str, name: str = "") -> Key:
    """What finds the key: of kind header, cookie, query, path (a parameter of the route) or ip."""
    if kind == "ip":
        return lambda exchange: exchange.client
    if kind == "cookie":
        return lambda exchange: cookie(exchange.headers, name)
    if kind == "header":
        lower = name.lower()
        return lambda exchange: ", ".join(values(exchange.headers, lower))
    return templates.SOURCES["param" if kind == "path" else "query"](name)
