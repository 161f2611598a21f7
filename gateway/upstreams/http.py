"""An upstream that speaks HTTP/1: one exchange with one target of a fleet."""

from __future__ import annotations

from time import monotonic

from gateway._fast.wire import Answer, WireError, talk
from gateway.errors import UPSTREAM_TIMEOUT, GatewayError
from gateway.exchange import Exchange, Response
from gateway.upstreams.failures import CONNECT_ERRORS, connect_failure, exchange_failure
from gateway.upstreams.fleet import Fleet, Target
from gateway.upstreams.pool import Connection

FIRST_PIECE = 65536

#: RFC 9110 section 9.2.2
IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"))


class HttpUpstream:
    """Fetches from a fleet. Seconds: `connect` bounds a connection, `read` a gap, `total` the whole of it."""

    __slots__ = ("connect", "fleet", "name", "read", "total")

    def __init__(
        self, name: str, fleet: Fleet, *, connect: float = 2.0, read: float = 30.0, total: float = 60.0
    ) -> None:
        self.name = name
        self.fleet = fleet
        self.connect = connect
        self.read = read
        self.total = total

    def fetch(self, exchange: Exchange) -> Response:
        """The answer of the target whose turn it is. Raises GatewayError."""
        target = self.fleet.pick()
        # The body's beginning comes first: a client that sends nothing must not hold a connection.
        first = exchange.body.read(FIRST_PIECE) if exchange.body_length and exchange.body is not None else b""
        exchange.upstream = self.name
        exchange.address = target.address
        exchange.attempts += 1
        exchange.upstream_started = started = monotonic()
        try:
            answer = self._exchange(exchange, target, first, started)
        finally:
            exchange.upstream_time += monotonic() - started
        response = Response(answer.status, answer.headers, answer.body, answer.length)
        if answer.length is None:
            response.length = None
        return response

    def _exchange(self, exchange: Exchange, target: Target, first: bytes, started: float) -> Answer:
        deadline = min(exchange.deadline, started + self.total)
        fresh = False
        while True:
            connection = self._connection(target, started, deadline, fresh)
            try:
                return talk(exchange, connection, self.read, deadline, first, self._failure)
            except WireError as error:
                connection.release(False)
                if connection.uses == 1 or not _may_repeat(exchange, error):
                    raise self._failure(error) from error
            except BaseException:
                connection.release(False)
                raise
            # The upstream had given this kept-alive connection up (RFC 9112 section 9.3.1): once more, on a fresh one.
            fresh = True
            started = monotonic()
            exchange.attempts += 1

    def _connection(self, target: Target, now: float, deadline: float, fresh: bool) -> Connection:
        timeout = min(self.connect, deadline - now)
        if timeout <= 0.0:
            raise GatewayError(UPSTREAM_TIMEOUT, f"There was no time left to reach the upstream {self.name}.")
        try:
            return target.pool.open(timeout) if fresh else target.pool.checkout(now, timeout)
        except CONNECT_ERRORS as error:
            raise connect_failure(self.name, error, monotonic() >= deadline) from error

    def _failure(self, error: WireError) -> GatewayError:
        return exchange_failure(self.name, error)


def _may_repeat(exchange: Exchange, error: WireError) -> bool:
    """Whether a request whose connection died may be sent again: it is whole, and was not seen or may be seen twice."""
    return error.reason == "reset" and error.is_replayable and (not error.sent or exchange.method in IDEMPOTENT)
