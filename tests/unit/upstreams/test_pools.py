"""Pools over time: age, draining, what a reload keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gevent
import gevent.event
import pytest

from gateway.upstream.pool.pool import Address, PlainPool, PoolSettings, TLSPool
from gateway.upstream.pool.registry import PoolKey, Pools, TLSSettings
from tests.support.greenlets import until
from tests.unit.upstreams.conftest import Certificates, Up
from tests.unit.upstreams.test_http import OK, pool_of, serve
from tests.wire.upstream.play import FakeUpstream, Side, exchange

Fake = Callable[..., FakeUpstream]


def key(port: int = 80, **more: object) -> PoolKey:
    return PoolKey(Address("http", "127.0.0.1", port), **more)


def test_the_same_key_is_the_same_pool(pools: Pools):
    assert pools.get(key()) is pools.get(key())
    different = [key(81), key(settings=PoolSettings(9)), key(tls=TLSSettings(server_name="x"))]
    assert len({id(pools.get(each)) for each in [key(), *different]}) == 4


def test_retain_keeps_what_is_used_and_drains_the_rest(up: Up, fake: Fake, pools: Pools):
    kept, dropped = up(fake(serve).port), up(fake(serve).port)
    for upstream in (kept, dropped):
        upstream.fetch(exchange())
    keys = [PoolKey(Address("http", "127.0.0.1", pool_of(kept).port), PoolSettings(8, 60))]
    connection = pool_of(dropped).pool.idle[0]
    pools.retain(keys)
    assert pools.get(keys[0]) is pool_of(kept)
    assert len(pool_of(kept).pool.idle) == 1
    assert connection.channel.closed and not pool_of(dropped).pool.idle
    assert len(pools) == 1


def test_a_busy_connection_of_a_drained_pool_is_closed_when_it_comes_back(up: Up, fake: Fake, pools: Pools):
    may_answer = gevent.event.Event()

    def slow(side: Side) -> None:
        side.until()
        may_answer.wait(30)
        side.send(OK)
        side.rest()

    upstream = up(fake(slow).port)
    running = gevent.spawn(upstream.fetch, exchange())
    until(lambda: pool_of(upstream).pool.out == 1)
    pools.retain(())
    may_answer.set()
    assert running.get(timeout=30).status == 200
    assert (pool_of(upstream).pool.out, pool_of(upstream).pool.idle) == (0, [])


def test_one_that_is_too_old_is_not_used(up: Up, fake: Fake):
    server = fake(serve)
    upstream = up(server.port, idle=0.02)
    upstream.fetch(exchange())
    gevent.sleep(0.03)
    upstream.fetch(exchange())
    assert server.connections == 2


def test_the_reaper_closes_what_is_too_old_and_ends(up: Up, fake: Fake, pools: Pools):
    upstream = up(fake(serve).port, idle=0.05)
    upstream.fetch(exchange())
    connection = pool_of(upstream).pool.idle[0]
    reaper = pools._reaper
    assert reaper is not None and not connection.channel.closed
    reaper.join(timeout=30)
    assert reaper.dead and connection.channel.closed
    assert (pool_of(upstream).pool.idle, pool_of(upstream).pool.out) == ([], 0)
    upstream.fetch(exchange())
    assert pools._reaper is not reaper


def test_making_pools_touches_no_network(pools: Pools, certificates: Certificates):
    tls = TLSSettings.read(certificates.ca, certificates.client_cert, certificates.client_key, "x", False)
    assert isinstance(pools.get(key(9)), PlainPool)
    assert isinstance(pools.get(PoolKey(Address("https", "no-such-host.invalid", 443), tls=tls)), TLSPool)


def test_targets_with_the_same_tls_share_a_context(pools: Pools, certificates: Certificates):
    tls = TLSSettings.read(certificates.ca, "", "", "", False)
    keys = [PoolKey(Address("https", "127.0.0.1", port), tls=tls) for port in (1, 2)]
    first, second = [pools.get(key).conn_kw["ssl_context"] for key in keys]
    assert first is second
    pools.retain(keys[:1])
    assert pools.get(keys[1]).conn_kw["ssl_context"] is first
    pools.retain(())
    assert pools.get(keys[1]).conn_kw["ssl_context"] is not first


def test_a_renewed_certificate_makes_another_key(certificates: Certificates, tmp_path: Path):
    cert = tmp_path / "ca.pem"
    cert.write_bytes(Path(certificates.ca).read_bytes())
    before = TLSSettings.read(str(cert), "", "", "", False)
    assert TLSSettings.read(str(cert), "", "", "", False) == before
    cert.write_bytes(Path(certificates.ca).read_bytes() + b"\n")
    assert TLSSettings.read(str(cert), "", "", "", False) != before


def test_unreadable_tls_files_are_told_at_once(tmp_path: Path):
    with pytest.raises(OSError):
        TLSSettings.read(str(tmp_path / "none.pem"), "", "", "", False)
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(OSError):  # ssl.SSLError is one
        TLSSettings.read(str(tmp_path / "bad.pem"), "", "", "", False)


@pytest.mark.parametrize(
    ("address", "shown", "authority"),
    [
        (Address("http", "127.0.0.1", 9101), "127.0.0.1:9101", "127.0.0.1:9101"),
        (Address("http", "a.example", 80), "a.example:80", "a.example"),
        (Address("https", "a.example", 443), "a.example:443", "a.example"),
        (Address("https", "a.example", 80), "a.example:80", "a.example:80"),
        (Address("http", "::1", 8080), "[::1]:8080", "[::1]:8080"),
        (Address("http", "::1", 80), "[::1]:80", "[::1]"),
        (Address("unix", "", 0, "/run/app.sock"), "unix:/run/app.sock", "localhost"),
    ],
)
def test_addresses(address: Address, shown: str, authority: str):
    assert (str(address), address.authority) == (shown, authority)
