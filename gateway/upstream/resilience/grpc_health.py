"""The standard health check of gRPC (grpc.health.v1), asked on a connection of its own."""

from __future__ import annotations

import io
from time import monotonic
from typing import Final

from gateway._fast.http1_client import WireError
from gateway.exchange import Exchange
from gateway.http.grpc import TRAILERS, WANTS, GrpcAccept, frame, frames
from gateway.upstream.grpc.call import talk
from gateway.upstream.pool.connection import Connection

CHECK: Final = "/grpc.health.v1.Health/Check"
#: HealthCheckResponse with its status SERVING
SERVING: Final = b"\x08\x01"


def ask(connection: Connection, path: str, timeout: float, deadline: float) -> int:
    """The status of HTTP that the answer stands for, 200 for SERVING alone; `path` is "/" or names a service.

    Raises WireError, OSError.
    """
    exchange = Exchange(
        "POST", CHECK, [("user-agent", "gateway-health")], {WANTS: GrpcAccept(False, 4096)}, monotonic()
    )
    service = path[1:].encode()
    # HealthCheckRequest: the service is field 1, and has fewer than 128 bytes, so that its length is one.
    body = frame(b"\x0a" + bytes((len(service),)) + service if service else b"")
    exchange.body, exchange.body_length = io.BytesIO(body), len(body)
    call = talk(exchange, connection, timeout, deadline, body, _failed)
    try:
        messages = [data for flags, data in frames(call) if not flags & TRAILERS]
        return call.status if call.status != 200 or messages == [SERVING] else 503
    finally:
        call.close()


def _failed(error: WireError) -> WireError:
    return error
