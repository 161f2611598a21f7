"""What only shows where gevent has patched the standard library, as in a worker: test_patched runs it so."""

from __future__ import annotations

import socket
import ssl
import sys
from time import monotonic
from typing import Any

import gevent
import gevent.socket
from gevent import monkey

from gateway import errors
from gateway.errors import GatewayError
from gateway.upstream.attempts import AttemptPolicy, RetryingUpstream
from gateway.upstream.balance.balancers import PowerOfTwoChoices
from gateway.upstream.http import HttpUpstream
from gateway.upstream.pool.pool import Address
from gateway.upstream.pool.registry import PoolKey, Pools, TLSSettings
from gateway.upstream.target_state import TargetStateTable
from gateway.upstream.targets import Target, TargetSet
from tests.wire.upstream.play import FakeUpstream, Side, exchange

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def upstream(scheme: str, host: str, port: int, ca: str = "", connect: float = 10.0) -> RetryingUpstream:
    tls = TLSSettings.read(ca, "", "", "", False)
    pool = Pools().get(PoolKey(Address(scheme, host, port), tls=tls))
    region = TargetStateTable.private()
    target = Target(f"{host}:{port}", pool, region.target("catalog", host))
    fleet = TargetSet("catalog", PowerOfTwoChoices(), [target])
    return RetryingUpstream(
        HttpUpstream("catalog", connect=connect), fleet, region.upstream("catalog"), AttemptPolicy()
    )


def kind(upstream: RetryingUpstream, seconds: float) -> errors.Kind:
    """The failure of a fetch that must not take longer than `seconds`, nor hold up others."""
    ticks: list[float] = []

    def tick() -> None:
        while True:
            ticks.append(monotonic())
            gevent.sleep(0.01)

    ticker = gevent.spawn(tick)
    started = monotonic()
    try:
        upstream.fetch(exchange())
    except GatewayError as error:
        assert monotonic() - started < seconds, monotonic() - started
        assert len(ticks) > 3, "others had to wait"
        return error.kind
    finally:
        ticker.kill()
    raise AssertionError("it did not fail")


def serve(side: Side) -> None:
    while side.until():
        side.send(OK)


def plain() -> None:
    server = FakeUpstream(serve)
    fetching = upstream("http", "127.0.0.1", server.port)
    for _ in range(3):
        assert fetching.fetch(exchange()).body == b"ok"
    assert server.connections == 1
    server.stop()


def tls(cert: str, key: str, ca: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def secure(side: Side) -> None:
        serve(Side(context.wrap_socket(side.sock, server_side=True)))

    server = FakeUpstream(secure)
    fetching = upstream("https", "localhost", server.port, ca)
    for _ in range(3):
        assert fetching.fetch(exchange()).body == b"ok"
        gevent.sleep(0.005)
    assert server.connections == 1
    server.stop()


def a_handshake_that_never_comes() -> None:
    server = FakeUpstream(lambda side: side.rest() and None)
    assert kind(upstream("https", "127.0.0.1", server.port, connect=0.6), 1.5) is errors.UPSTREAM_CONNECT_TIMEOUT
    server.stop()


def a_name_that_is_never_resolved() -> None:
    def forever(*_: Any, **__: Any) -> None:
        gevent.sleep(30)

    kept, socket.getaddrinfo = socket.getaddrinfo, forever
    try:
        assert kind(upstream("http", "slow.example", 80, connect=0.6), 1.5) is errors.UPSTREAM_CONNECT_TIMEOUT
    finally:
        socket.getaddrinfo = kept


if __name__ == "__main__":
    assert monkey.is_module_patched("socket")
    plain()
    tls(*sys.argv[1:4])
    a_handshake_that_never_comes()
    a_name_that_is_never_resolved()
    print("all well")
