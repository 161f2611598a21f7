"""Requests shared out among upstreams by weight: a few to the canary, the rest to what is known to work."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from gateway._fast.rendezvous_hash import values
from gateway.contracts import Fetch, OnRequest, OnResponse
from gateway.exchange import Exchange, Headers, Response
from gateway.upstream.balance.affinity import cookie, set_cookie, token

Why = Literal["override", "cookie", "weight"]


class SplitSelector:
    """Which of several named legs a request takes. Pure: the random number (0 <= r < 1) comes from the caller.

    A header (`override`) that names a leg decides, whatever the leg's weight; then, where `sticky`, the cookie of an
    earlier answer, unless its leg has lost all weight; else the weights.
    SECURITY: neither is signed: whoever sends one chooses a leg.
    """

    __slots__ = ("_last", "_names", "_override", "_sums", "_tokens", "_weights", "cookie")

    def __init__(self, route: str, legs: Sequence[tuple[str, int]], sticky: bool = False, override: str = "") -> None:
        """`legs` are (name, weight). Raises ValueError when no leg has a weight."""
        self._names = tuple(name for name, _ in legs)
        self._weights = tuple(weight for _, weight in legs)
        if sum(self._weights) <= 0:
            raise ValueError("no leg has a weight above zero")
        self._sums = tuple(accumulate(self._weights))
        self._last = max(at for at, weight in enumerate(self._weights) if weight)
        self._override = override.lower()
        self.cookie = f"gw_{token('split', route)}" if sticky else ""
        self._tokens = tuple(token("split", route, name) for name in self._names)

    def decide(self, headers: Headers, random: float) -> tuple[int, Why]:
        """(number of the leg, what decided)."""
        if self._override:
            for name in values(headers, self._override):
                if name in self._names:
                    return self._names.index(name), "override"
        if self.cookie:
            kept = cookie(headers, self.cookie)
            if kept in self._tokens and self._weights[at := self._tokens.index(kept)]:
                return at, "cookie"
        return bisect(self._sums, random * self._sums[-1], 0, self._last), "weight"

    def remember(self, exchange: Exchange, response: Response, at: int) -> None:
        """Tell the client which leg is its own from now on."""
        set_cookie(exchange, response, self.cookie, self._tokens[at])


@dataclass(frozen=True, slots=True)
class WeightedUpstream:
    """One way to go, and what is changed on the way there and back."""

    fetch: Fetch
    on_request: OnRequest | None = None
    on_response: OnResponse | None = None


class Split:
    """An upstream over upstreams: each request takes one of the legs."""

    __slots__ = ("_choice", "_legs", "_random")

    def __init__(
        self, choice: SplitSelector, legs: Sequence[WeightedUpstream], random: Callable[[], float] = random.random
    ) -> None:
        """`legs` in the order in which `choice` knows them."""
        self._choice = choice
        self._legs = tuple(legs)
        self._random = random

    def fetch(self, exchange: Exchange) -> Response:
        """The answer of the leg that is chosen. Raises GatewayError."""
        choice = self._choice
        at, why = choice.decide(exchange.headers, self._random())
        leg = self._legs[at]
        if leg.on_request is not None:
            leg.on_request(exchange)
        response = leg.fetch(exchange)
        if leg.on_response is not None:
            try:
                response = leg.on_response(exchange, response) or response
            except BaseException:
                response.close()
                raise
        if choice.cookie and why == "weight":
            choice.remember(exchange, response, at)
        return response
