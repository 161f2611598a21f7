"""HTTP/1 with one target: one exchange, and what its connection needs."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from gateway._fast.http1_client import Answer, WireError, talk
from gateway._fast.tunnel import Tunnel
from gateway.errors import UPSTREAM_TIMEOUT, GatewayError
from gateway.exchange import Exchange, Response
from gateway.upstream.failures import CONNECT_ERRORS, connect_failure, exchange_failure
from gateway.upstream.pool.connection import Connection
from gateway.upstream.targets import Target

if TYPE_CHECKING:
    from gateway.upstream.grpc.base_call import BaseCall

#: RFC 9110 section 9.2.2
IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"))


class HttpUpstream:
    """Talks to targets. Seconds: `connect` bounds a connection, `read` a gap, `total` the whole of it.

    After a change of protocol (101) neither of them holds, but `idle`: the longest time without a byte.
    """

    __slots__ = ("connect", "idle", "name", "read", "total")

    #: one exchange on a connection
    talk: ClassVar[Callable[..., Answer | BaseCall]] = staticmethod(talk)

    def __init__(
        self,
        name: str,
        *,
        connect: float = 2.0,
        read: float = 30.0,
        total: float = 60.0,
        idle: float = 600.0,
    ) -> None:
        self.name = name
        self.connect = connect
        self.read = read
        self.total = total
        self.idle = idle

    def send(self, exchange: Exchange, target: Target, first: bytes, started: float) -> Response:
        """The answer of `target`; `first` is the beginning of the request's body. Raises GatewayError."""
        exchange.upstream = self.name
        exchange.address = target.address
        exchange.attempts += 1
        exchange.upstream_started = started
        try:
            answer = self._exchange(exchange, target, first, started)
        finally:
            exchange.upstream_time += monotonic() - started
        body = answer.body
        if isinstance(body, Tunnel):
            body.idle = self.idle
        response = Response(answer.status, answer.headers, body, answer.length)
        if answer.length is None:
            response.length = None
        return response

    def _exchange(self, exchange: Exchange, target: Target, first: bytes, started: float) -> Answer | BaseCall:
        deadline = min(exchange.deadline, started + self.total)
        fresh = False
        while True:
            connection = target.pool.reuse(started) if deadline > started and not fresh else None
            if connection is None:
                connection = self._connection(target, started, deadline, fresh)
            target.state.enter()
            connection.leave = target.state.leave
            try:
                return self.talk(exchange, connection, self.read, deadline, first, self._failure)
            except WireError as error:
                connection.release(False)
                if connection.uses == 1 or not _may_repeat(exchange, error):
                    failure = self._failure(error)
                    failure.was_sent = error.sent
                    raise failure from error
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
            return target.pool.open(timeout, may_reuse=not fresh, until=deadline)
        except CONNECT_ERRORS as error:
            failure = connect_failure(self.name, error, monotonic() >= deadline)
            failure.was_sent = False
            raise failure from error

    def _failure(self, error: WireError) -> GatewayError:
        return exchange_failure(self.name, error)


def _may_repeat(exchange: Exchange, error: WireError) -> bool:
    """Whether a request whose connection died may be sent again: it is whole, and was not seen or may be seen twice."""
    return error.reason == "reset" and error.is_replayable and (not error.sent or exchange.method in IDEMPOTENT)
