"""Requests for an upstream that is not running yet: they wait until it is, in the order in which they came.

Who finds no target wakes the upstream, and waits.  While anybody waits, its targets' ports are tried every few
milliseconds; once one opens, those who wait are let go one after the other, so many at a time, and who comes meanwhile
waits behind them.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

import gevent
from gevent.event import Event

from gateway.contracts import Fetch
from gateway.errors import (
    ACTIVATION_FULL,
    ACTIVATION_TIMEOUT,
    CIRCUIT_OPEN,
    CLIENT_CLOSED,
    NO_TARGET,
    UPSTREAM_CONNECT_TIMEOUT,
    UPSTREAM_DNS,
    UPSTREAM_REFUSED,
    UPSTREAM_UNREACHABLE,
    GatewayError,
)
from gateway.exchange import Exchange, Response
from gateway.upstream.pool.pool import Address
from gateway.upstream.replayable_body import ReplayableBody

log = logging.getLogger("gateway")

#: seconds between two looks at the ports, and for one of them
LOOK_EVERY: Final = 0.02
LOOK_LONGEST: Final = 0.25
#: seconds between two looks at whether those who wait still have time, and clients
CHECK_EVERY: Final = 0.05
#: requests that are let go at the same time
AT_ONCE: Final = 64
_ABSENT: Final = (NO_TARGET, UPSTREAM_REFUSED, UPSTREAM_UNREACHABLE, UPSTREAM_CONNECT_TIMEOUT, UPSTREAM_DNS)


class QueuedRequest:
    """One who waits; `failure` is why no longer, where that is not that the upstream is there."""

    __slots__ = ("exchange", "failure", "is_called", "until")

    def __init__(self, exchange: Exchange, until: float) -> None:
        self.exchange = exchange
        self.until = until
        self.is_called = Event()
        self.failure: GatewayError | None = None


class Activator:
    """An upstream over an upstream that may not run; one for each worker and upstream of a plan."""

    __slots__ = ("_addresses", "_fetch", "_free", "_hold", "_is_looking", "_most", "_name", "_waiting", "_wake")

    def __init__(
        self,
        name: str,
        fetch: Fetch,
        addresses: Callable[[], Sequence[Address]],
        wake: Callable[[], None],
        *,
        hold: float,
        most: int,
    ) -> None:
        """At most `most` requests wait, each at most `hold` seconds; `addresses` are those of the targets now."""
        self._name = name
        self._fetch = fetch
        self._addresses = addresses
        self._wake = wake
        self._hold = hold
        self._most = most
        self._waiting: deque[QueuedRequest] = deque()
        self._free = AT_ONCE
        self._is_looking = False

    def before(self, fetch: Fetch) -> Fetch:
        """The same line before another way to ask the same upstream."""
        return lambda exchange: self.fetch(exchange, fetch)

    def fetch(self, exchange: Exchange, way: Fetch | None = None) -> Response:
        """The answer. Raises GatewayError."""
        fetch = self._fetch if way is None else way
        body = exchange.body
        kept = ReplayableBody(body) if body is not None and exchange.body_length else None
        if kept is not None:
            exchange.body = kept
        if self._is_looking:
            return self._held(exchange, fetch)
        try:
            return fetch(exchange)
        except GatewayError as error:
            is_absent = error.kind in _ABSENT or (error.kind is CIRCUIT_OPEN and self._is_looking)
            if not is_absent or (kept is not None and not kept.rewind()):
                raise
        return self._held(exchange, fetch)

    def _held(self, exchange: Exchange, fetch: Fetch) -> Response:
        if len(self._waiting) >= self._most:
            words = f"The upstream {self._name} is being started, and {self._most} requests wait for it already."
            raise GatewayError(ACTIVATION_FULL, words, headers=(("Retry-After", "1"),))
        until = min(monotonic() + self._hold, exchange.deadline)
        ticket = QueuedRequest(exchange, until)
        self._waiting.append(ticket)
        self._look()
        while True:
            self._wait(ticket)
            is_absent = False
            try:
                return fetch(exchange)
            except GatewayError as error:
                body = exchange.body
                is_absent = error.kind in _ABSENT or error.kind is CIRCUIT_OPEN
                if not is_absent or monotonic() >= until or (isinstance(body, ReplayableBody) and not body.rewind()):
                    raise
                # Not there after all: first again, at the next look.
                ticket.is_called.clear()
                self._waiting.appendleft(ticket)
                self._look()
            finally:
                self._free += 1
                if not is_absent:
                    self._let_go()

    def _wait(self, ticket: QueuedRequest) -> None:
        """Until it is let go: then one place of AT_ONCE is this one's. Raises GatewayError.

        NOTE: without a timeout of its own: who has just looked at a clock would come behind those who did not.
        """
        try:
            ticket.is_called.wait()
        except BaseException:
            if not ticket.is_called.is_set():
                self._waiting.remove(ticket)
            elif ticket.failure is None:
                self._free += 1
                self._let_go()
            raise
        if ticket.failure is not None:
            raise ticket.failure

    def _look(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            gevent.spawn(self._run)

    def _run(self) -> None:
        """While anybody waits."""
        started, is_there, check_at, wake_at = monotonic(), False, 0.0, 0.0
        looked_at: set[Address] = set()
        log.info("nobody is there for %s: requests wait", self._name)

        def look(address: Address) -> None:
            nonlocal is_there
            try:
                if is_open(address) and self._waiting:
                    if not is_there:
                        is_there, count, seconds = True, len(self._waiting), monotonic() - started
                        log.info("%s is there after %.2f s, for %d requests", self._name, seconds, count)
                    self._let_go()
            finally:
                looked_at.discard(address)

        try:
            while self._waiting:
                if (now := monotonic()) >= wake_at:  # once more where nobody came of it: others wait by now
                    gevent.spawn(self._wake)
                    wake_at = now + self._hold
                if now >= check_at:
                    self._check()
                    check_at = monotonic() + CHECK_EVERY
                for address in self._addresses():
                    if address not in looked_at:  # one that says nothing must not hold up the look at another
                        looked_at.add(address)
                        gevent.spawn(look, address)
                gevent.sleep(LOOK_EVERY)
        finally:
            self._is_looking = False

    def _check(self) -> None:
        """End the waiting of those whom it is no use to."""
        now = monotonic()
        for ticket in list(self._waiting):
            ticket.failure = _failure(self._name, ticket, now)
            if ticket.failure is not None:
                self._waiting.remove(ticket)
                ticket.is_called.set()

    def _let_go(self) -> None:
        """The first of those who wait, as many as there are places for."""
        while self._free > 0 and self._waiting:
            self._free -= 1
            self._waiting.popleft().is_called.set()


def _failure(name: str, ticket: QueuedRequest, now: float) -> GatewayError | None:
    """Why somebody need not wait any longer: nobody is there any more, or no time."""
    channel = ticket.exchange.environ.get("gateway.channel")
    if channel is not None and channel.gone:
        return GatewayError(CLIENT_CLOSED, "The client went away.")
    if now >= ticket.until:
        words = f"The upstream {name} did not start in time."
        return GatewayError(ACTIVATION_TIMEOUT, words, headers=(("Retry-After", "1"),))
    return None


def is_open(address: Address) -> bool:
    """Whether anybody takes connections there."""
    try:
        if address.socket:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(LOOK_LONGEST)
                probe.connect(address.socket)
        else:
            socket.create_connection((address.host, address.port), LOOK_LONGEST).close()
    except (OSError, ValueError):  # ValueError: a name that cannot be one (IDNA)
        return False
    return True
