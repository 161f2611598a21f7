"""idempotency: a request that comes again with its key is answered as the first time, and not carried out again.

By draft-ietf-httpapi-idempotency-key-header.  It stands behind the guard: only what is well-formed claims a key.
What is kept is what the upstream decided.  An answer that says "not now" is not, nor is a failure of ours: the next
request with the key is carried out.
NOTE: after a 504 nobody knows whether the upstream carried the request out; the next one may do it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

import gevent

from gateway._fast.tunnel import Tunnel
from gateway.contracts import Steps
from gateway.errors import (
    IDEMPOTENCY_IN_PROGRESS,
    IDEMPOTENCY_KEY_INVALID,
    IDEMPOTENCY_KEY_MISSING,
    IDEMPOTENCY_KEY_REUSED,
    STORE_UNAVAILABLE,
    GatewayError,
)
from gateway.exchange import Exchange, Response
from gateway.http.body import read_whole
from gateway.policies.idempotency.answers import Recording, whole_body
from gateway.policies.idempotency.key import LONGEST, mark_of, name_of, parse_key
from gateway.policies.idempotency.ledger import Claim, Ledger
from gateway.policies.idempotency.record import Done
from gateway.state.store import StoreError

log = logging.getLogger("gateway")

#: the room in `exchange.state` for the claim that is held
STATE: Final = "idempotency"
REPLAYED: Final = ("Idempotency-Replayed", "true")
#: what says that it was not the time for the request, or that who answered may not know what became of it
NOT_KEPT: Final = frozenset((408, 425, 429, 502, 503, 504))
#: seconds between two looks at a request that is under way: the first, and the longest
PAUSE, PAUSE_MAX = 0.02, 0.25
_LATER: Final = (("Retry-After", "1"),)


@dataclass(frozen=True, slots=True)
class IdempotencyOptions:
    """What a route asks. Bytes and seconds; `header` in lower case."""

    header: str = "idempotency-key"
    methods: frozenset[str] = frozenset(("POST", "PATCH"))
    is_required: bool = False
    wait: float = 0.0
    max_body: int = 1 << 20
    max_answer: int = 1 << 18
    is_lenient: bool = False


def compile(rules: IdempotencyOptions, ledger: Ledger, clock: Callable[[], float] = monotonic) -> Steps:
    """The step of a route. `clock` is that of `exchange.deadline`."""
    step = _Step(rules, ledger, clock)
    return Steps(step.on_request, step.on_response, step.on_close)


class _Step:
    __slots__ = ("_clock", "_ledger", "_rules")

    def __init__(self, rules: IdempotencyOptions, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._rules = rules
        self._ledger = ledger
        self._clock = clock

    def on_request(self, exchange: Exchange) -> Response | None:
        """Claim the key, or answer what was answered. Raises GatewayError."""
        rules = self._rules
        if exchange.method not in rules.methods:
            return None
        text = exchange.header(rules.header)
        if text is None:
            if rules.is_required:
                raise GatewayError(IDEMPOTENCY_KEY_MISSING, f"The route wants {rules.header} with {exchange.method}.")
            return None
        key = parse_key(text)
        if key is None:
            words = f"{rules.header} is one string or token of at most {LONGEST} characters."
            raise GatewayError(IDEMPOTENCY_KEY_INVALID, words)
        mark = mark_of(exchange, read_whole(exchange, rules.max_body))
        try:
            return self._ask(exchange, name_of(exchange, key), mark)
        except StoreError as error:
            if rules.is_lenient:
                return None
            words = "Whether the request was carried out before cannot be found out now."
            raise GatewayError(STORE_UNAVAILABLE, words, headers=_LATER, cause=error) from error

    def _ask(self, exchange: Exchange, name: bytes, mark: bytes) -> Response | None:
        """Ask until the key is ours, there is an answer, or the time to wait is over."""
        give_up = min(self._clock() + self._rules.wait, exchange.deadline)
        pause = PAUSE
        while True:
            found = self._ledger.claim(name, mark, max(0.0, exchange.deadline - self._clock()))
            if isinstance(found, Claim):
                _state(exchange)[STATE] = found
                # A client that goes away asks again: what the upstream makes of the request is waited for all the same.
                if "gateway.channel" in exchange.environ:
                    exchange.environ = {**exchange.environ, "gateway.channel": None, "wsgi.early_hints": None}
                return None
            if found.mark != mark:
                raise GatewayError(IDEMPOTENCY_KEY_REUSED, "The key came with another request before.")
            if isinstance(found, Done):
                return Response(found.status, [*found.fields(), REPLAYED], found.body)
            left = give_up - self._clock()
            if left <= 0.0:
                raise GatewayError(IDEMPOTENCY_IN_PROGRESS, "The first request is under way.", headers=_LATER)
            gevent.sleep(min(pause, left))
            pause = min(2 * pause, PAUSE_MAX)

    def on_response(self, exchange: Exchange, response: Response) -> None:
        """Keep the answer of a request that has a claim, at once or as it goes by. Raises what its body raises."""
        claim: Claim | None = (exchange.state or {}).get(STATE)
        if claim is None:
            return
        if exchange.error is not None or response.status in NOT_KEPT:
            self.on_close(exchange)
        elif isinstance(response.body, Tunnel) or _is_endless(response):
            return  # let go at the end
        elif (data := whole_body(response, self._rules.max_answer)) is not None:
            self._settle(exchange, response, data)
        elif response.length is None and not isinstance(response.body, bytes):
            head = Response(response.status, list(response.headers))
            response.body = Recording(
                response.body, self._rules.max_answer, lambda data: self._settle(exchange, head, data)
            )

    def on_close(self, exchange: Exchange) -> None:
        """Let go of a claim that is still held."""
        claim: Claim | None = (exchange.state or {}).pop(STATE, None)
        if claim is not None:
            try:
                self._ledger.let_go(claim)
            except StoreError as error:
                log.warning("request %s keeps its key until it is out of time: %s", exchange.request_id, error)

    def _settle(self, exchange: Exchange, response: Response, data: bytes | None) -> None:
        """Keep an answer; with None, or where it cannot be kept, the claim goes at the end."""
        claim: Claim | None = (exchange.state or {}).get(STATE)
        if claim is None or data is None:
            return
        answer = Done(claim.pending.mark, response.status, tuple(response.headers), data)
        try:
            if self._ledger.keep(claim, answer):
                _state(exchange).pop(STATE)
        except StoreError as error:
            log.warning("the answer to request %s is not kept: %s", exchange.request_id, error)


def _state(exchange: Exchange) -> dict[str, object]:
    if exchange.state is None:
        exchange.state = {}
    return exchange.state


def _is_endless(response: Response) -> bool:
    """Whether a body is one of events, which is not over when it has said something."""
    return any(
        name.lower() == "content-type" and value.lower().startswith("text/event-stream")
        for name, value in response.headers
    )
