"""One call of gRPC on a connection of the pool, and only one at a time (the protocol of gRPC over HTTP/2).

`talk` is to a gRPC target what `gateway._fast.http1_client.talk` is to one of HTTP/1, so that all in front of it
(pools, balancing, circuits, tries) is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from gateway._fast.http1_client import WireError
from gateway.exchange import Exchange
from gateway.http.grpc import CANCELLED, DEADLINE_EXCEEDED, WANTS, GrpcAccept, GrpcCall
from gateway.upstream.grpc.base_call import CAUSES, BaseCall
from gateway.upstream.grpc.passthrough import BidirectionalStream, GrpcPassthrough
from gateway.upstream.grpc.reply import Reply

if TYPE_CHECKING:
    from gateway.upstream.pool.connection import Connection


class Call(BaseCall):
    """A call of the gateway's own: its pieces are frames (`gateway.http.grpc`), the trailers last."""

    def _reply_to(self, exchange: Exchange) -> Reply:
        self._wants: GrpcAccept = exchange.environ[WANTS]
        return Reply(self._stream, self._wants.most, is_whole=not self._wants.is_stream)

    @property
    def _is_answered(self) -> bool:
        """Its end, or where a stream is wanted its first message."""
        return self._reply.is_ended or (self._wants.is_stream and bool(self._reply.frames))

    def _take(self, data: bytes) -> None:
        super()._take(data)
        # SECURITY: the target ended it for the time that the client gave: that says nothing about the target.
        is_late = self._is_hurried or monotonic() >= self._deadline
        if is_late and self._reply.code in (CANCELLED, DEADLINE_EXCEEDED):
            raise WireError("total-timeout", "the target ended the call in time")


def talk(
    exchange: Exchange,
    owner: Connection,
    read_timeout: float,
    deadline: float,
    first: bytes,
    fail: Callable[[WireError], Exception],
) -> BaseCall:
    """Call a method; see `gateway._fast.http1_client.talk`. `exchange.environ[WANTS]` says what is wanted."""
    call = _kind(exchange, first)(exchange, owner, read_timeout, deadline, fail)
    try:
        call.begin(exchange, first)
    except CAUSES as cause:
        call.unlink()
        raise call.error(cause) from cause
    except BaseException:
        call.unlink()
        raise
    return call


def _kind(exchange: Exchange, first: bytes) -> type[BaseCall]:
    if not isinstance(exchange.environ[WANTS], GrpcCall):
        return Call
    return GrpcPassthrough if exchange.body_length == len(first) else BidirectionalStream
