"""Lookups against a small DNS server on a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import dns.rcode
import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.discovery import dns as module
from gateway.upstream.discovery.dns import LONGEST, SHORTEST, SPREAD, DnsResolver, LookupFailed, interval
from gateway.upstream.discovery.options import Dns
from gateway.upstream.discovery.source import Endpoint
from tests.support.dns import DnsServer

#: kept from the fixture
REACHABLE = module.is_reachable


@pytest.fixture(autouse=True)
def a_host_with_every_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_reachable", lambda family, address: not address.startswith("2001:db8:dead:"))


@pytest.fixture
def server() -> Iterator[DnsServer]:
    made = DnsServer({})
    yield made
    made.close()


def finder(server: DnsServer, name: str = "catalog.test", port: int = 8080) -> DnsResolver:
    return DnsResolver(Dns("http", name, port, server.address))


@given(st.floats(0, 1e9), st.floats(0, 1))
def test_the_interval_is_the_ttl_within_bounds(ttl: float, chance: float):
    seconds = interval(ttl, chance)
    assert SHORTEST <= seconds <= LONGEST * (1 + SPREAD)
    if SHORTEST <= ttl <= LONGEST:
        assert ttl <= seconds <= ttl * (1 + SPREAD)


def test_addresses_of_both_families(server: DnsServer):
    server.records = {("catalog.test", "A"): ["10.0.0.1", "10.0.0.2"], ("catalog.test", "AAAA"): ["2001:db8::1"]}
    server.ttl = 30
    found, ttl = finder(server).look()
    endpoints = sorted(found)
    assert endpoints == [Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 8080), Endpoint("2001:db8::1", 8080)]
    assert ttl == 30
    assert str(endpoints[2]) == "[2001:db8::1]:8080"


def test_an_alias_is_followed(server: DnsServer):
    server.records = {("catalog.test", "CNAME"): ["real.test."], ("real.test", "A"): ["10.0.0.9"]}
    assert finder(server).look()[0] == [Endpoint("10.0.0.9", 8080)]


def test_addresses_without_a_route_are_no_targets(server: DnsServer):
    server.records = {("catalog.test", "A"): ["10.0.0.1"], ("catalog.test", "AAAA"): ["2001:db8:dead::1"]}
    assert finder(server).look()[0] == [Endpoint("10.0.0.1", 8080)]
    server.records = {("catalog.test", "AAAA"): ["2001:db8:dead::1"]}
    with pytest.raises(LookupFailed, match="no address that can be reached"):
        finder(server).look()


def test_services(server: DnsServer):
    name = "_http._tcp.catalog.test"
    server.records = {
        (name, "SRV"): ["10 60 8080 a.test.", "10 0 8081 b.test.", "20 5 8082 c.test."],
        ("a.test", "A"): ["10.0.0.1"],
        ("b.test", "A"): ["10.0.0.2", "10.0.0.3"],
        ("c.test", "A"): ["10.0.0.4"],
    }
    found, _ = finder(server, name, 0).look()
    assert sorted(found) == [
        Endpoint("10.0.0.1", 8080, 60),
        Endpoint("10.0.0.2", 8081, 1),
        Endpoint("10.0.0.3", 8081, 1),
    ]


def test_a_service_that_is_decidedly_not_there(server: DnsServer):
    server.records = {("_http._tcp.catalog.test", "SRV"): ["0 0 0 ."]}
    with pytest.raises(LookupFailed, match="is not there"):
        finder(server, "_http._tcp.catalog.test", 0).look()


@pytest.mark.parametrize(
    ("records", "rcode"),
    [
        ({}, None),
        ({("catalog.test", "TXT"): ['"x"']}, None),
        ({("catalog.test", "A"): ["10.0.0.1"]}, dns.rcode.SERVFAIL),
        ({("catalog.test", "A"): ["10.0.0.1"]}, dns.rcode.REFUSED),
    ],
)
def test_no_answer_is_a_failure_in_words(server: DnsServer, records, rcode):
    server.records, server.rcode = records, rcode
    with pytest.raises(LookupFailed, match=r"catalog\.test"):
        finder(server).look()


def test_silence_is_a_failure(server: DnsServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LIFETIME", 0.05)
    server.is_silent = True
    with pytest.raises(LookupFailed, match="LifetimeTimeout"):
        finder(server).look()


def test_a_family_that_fails_keeps_its_last_addresses(server: DnsServer, monkeypatch: pytest.MonkeyPatch):
    looking = finder(server)
    server.records = {("catalog.test", "A"): ["10.0.0.1"], ("catalog.test", "AAAA"): ["2001:db8::1"]}
    looking.look()
    real = module._ask

    def broken(resolver, name, kind):
        if kind == "AAAA":
            raise LookupFailed("SERVFAIL")
        return real(resolver, name, kind)

    monkeypatch.setattr(module, "_ask", broken)
    server.records[("catalog.test", "A")] = ["10.0.0.2"]
    assert looking.look()[0] == [Endpoint("10.0.0.2", 8080), Endpoint("2001:db8::1", 8080)]


def test_a_family_that_a_name_no_longer_has_is_gone(server: DnsServer):
    looking = finder(server)
    server.records = {("catalog.test", "A"): ["10.0.0.1"], ("catalog.test", "AAAA"): ["2001:db8::1"]}
    looking.look()
    server.records = {("catalog.test", "A"): ["10.0.0.1"]}
    assert looking.look()[0] == [Endpoint("10.0.0.1", 8080)]
    server.records = {("catalog.test", "AAAA"): ["2001:db8::1"]}
    assert looking.look()[0] == [Endpoint("2001:db8::1", 8080)]


def test_one_service_without_addresses_does_not_hold_up_the_others(server: DnsServer):
    name = "_http._tcp.catalog.test"
    looking = finder(server, name, 0)
    server.ttl = 60
    server.records = {(name, "SRV"): ["0 1 80 a.test.", "0 1 80 b.test."], ("a.test", "A"): ["10.0.0.1"]}
    assert looking.look() == ([Endpoint("10.0.0.1", 80)], module.RETRY)
    server.records = {
        (name, "SRV"): ["0 1 80 a.test.", "0 1 80 b.test.", "0 1 80 c.test."],
        ("b.test", "A"): ["10.0.0.2"],
    }
    assert sorted(looking.look()[0]) == [Endpoint("10.0.0.1", 80), Endpoint("10.0.0.2", 80)], (
        "the last of a.test is kept"
    )
    server.records = {(name, "SRV"): ["0 1 80 c.test."]}
    with pytest.raises(LookupFailed, match=r"c\.test"):
        looking.look()


def test_names_that_are_asked_no_more_are_forgotten(server: DnsServer):
    name = "_http._tcp.catalog.test"
    looking = finder(server, name, 0)
    for number in range(1, 20):
        server.records = {(name, "SRV"): [f"0 1 80 n{number}.test."], (f"n{number}.test", "A"): [f"10.0.0.{number}"]}
        assert looking.look()[0] == [Endpoint(f"10.0.0.{number}", 80)]
    assert len(looking._last) <= 4


def test_it_asks_again_and_tells_of_failures(server: DnsServer, monkeypatch: pytest.MonkeyPatch):
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            server.records = {}
        elif len(waits) == 4:
            server.records = {("catalog.test", "A"): ["10.0.0.2"]}
        elif len(waits) == 5:
            raise gevent.GreenletExit

    monkeypatch.setattr(module.gevent, "sleep", sleep)
    monkeypatch.setattr(module.random, "random", lambda: 1.0)
    server.records, server.ttl = {("catalog.test", "A"): ["10.0.0.1"]}, 20
    told: list[object] = []
    with pytest.raises(gevent.GreenletExit):
        finder(server).run(lambda endpoints: told.append(list(endpoints)), lambda error: told.append("failed"))
    assert told == [[Endpoint("10.0.0.1", 8080)], "failed", "failed", "failed", [Endpoint("10.0.0.2", 8080)]]
    assert waits == pytest.approx([22.0, 1.0, 2.0, 4.0, 22.0])


def test_a_host_knows_where_it_has_routes_to():
    assert REACHABLE(socket.AF_INET, "127.0.0.1")
    assert not REACHABLE(socket.AF_INET, "255.255.255.255"), "that is everybody, and nobody may ask them"
