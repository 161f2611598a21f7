"""Targets that are found, over real sockets: by a small DNS server, and one that speaks the watch protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from tests.support.dns import DnsServer
from tests.support.gateway import Gateway, wait_until
from tests.support.kubernetes import KubernetesApi, endpoint_slice
from tests.support.raw import Connection, Upstream
from tests.support.through import ask, config, get, serving

pytestmark = pytest.mark.timed


def here(connection: Connection) -> None:
    """Answer with the address that was asked, which must not be cut off while it does."""
    while True:
        connection.request()
        host, port = connection.socket.getsockname()[:2]
        body = f"{host}:{port}".encode()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture
def pair() -> Iterator[tuple[Upstream, Upstream]]:
    """Two upstreams at one port of two addresses."""
    one = Upstream(here)
    two = Upstream(here, "127.0.0.2", one.port)
    yield one, two
    one.close()
    two.close()


@pytest.fixture
def names() -> Iterator[DnsServer]:
    made = DnsServer({})
    yield made
    made.close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubernetesApi]:
    made = KubernetesApi(tmp_path / "account")
    yield made
    made.close()


def answers(gateway: Gateway, path: str = "/app/") -> set[str]:
    """Who answers four requests; every one of them must be answered."""
    found = set()
    for _ in range(4):
        status, _, body = ask(gateway, get(path))
        assert status == 200, body
        found.add(body.decode())
    return found


def until(gateway: Gateway, expected: set[str]) -> None:
    wait_until(lambda: answers(gateway) == expected, f"{expected} answer; {gateway.output()}")


def balanced(spec: str) -> str:
    return f"{spec}, balance: round_robin"


def test_addresses_come_and_go(tmp_path: Path, pair: tuple[Upstream, Upstream], names: DnsServer) -> None:
    one, two = (f"127.0.0.{number}:{pair[0].port}" for number in (1, 2))
    names.records = {("app.test", "A"): ["127.0.0.1"]}
    text = config({"app": balanced(f'dns: {{name: "app.test:{pair[0].port}", server: "{names.address}"}}')})
    with serving(tmp_path / "gateway", text) as gateway:
        assert answers(gateway) == {one}, "the very first request waits for the first answer"
        names.records = {("app.test", "A"): ["127.0.0.1", "127.0.0.2"]}
        until(gateway, {one, two})
        names.records = {("app.test", "A"): ["127.0.0.2"]}
        until(gateway, {two})
        wait_until(lambda: all(each.ended.is_set() for each in pair[0].connections), "its connections are closed")
        names.rcode = dns.rcode.SERVFAIL
        wait_until(lambda: "its last 1 targets are kept" in gateway.output(), "the failure is told")
        assert answers(gateway) == {two}
        gateway.write(text + "  - {name: more, match: {path: /more}, respond: {status: 204}}\n")
        assert gateway.admin("/api/reload", "POST")[1]["changed"]
        assert answers(gateway) == {two}, "a reload keeps what is known, though nothing can be asked now"
        names.rcode, names.records = None, {("app.test", "A"): ["127.0.0.1"]}
        until(gateway, {one})
        change = f"+127.0.0.1:{pair[0].port} -127.0.0.2:{pair[0].port}"
        wait_until(lambda: change in gateway.output(), "the change is told")


def test_services_have_ports_of_their_own(tmp_path: Path, names: DnsServer) -> None:
    upstreams = [Upstream(here) for _ in range(2)]
    names.records = {
        ("_http._tcp.app.test", "SRV"): [f"0 1 {upstream.port} host.test." for upstream in upstreams],
        ("host.test", "A"): ["127.0.0.1"],
    }
    spec = balanced(f'dns: {{name: _http._tcp.app.test, server: "{names.address}"}}')
    with serving(tmp_path / "gateway", config({"app": spec})) as gateway:
        until(gateway, {f"127.0.0.1:{upstream.port}" for upstream in upstreams})
    for upstream in upstreams:
        upstream.close()


def test_a_name_that_nobody_knows_is_no_target(tmp_path: Path, names: DnsServer) -> None:
    spec = f'dns: {{name: "app.test:80", server: "{names.address}"}}'
    with serving(tmp_path / "gateway", config({"app": spec})) as gateway:
        status, _, body = ask(gateway, get("/app/"))
        assert (status, b"no-target" in body) == (503, True)
        wait_until(lambda: "NXDOMAIN for app.test A" in gateway.output(), "it is told why")


def test_a_silent_dns_server_holds_nobody_else_up(tmp_path: Path, names: DnsServer) -> None:
    names.is_silent = True
    upstream = Upstream(here)
    specs = {
        "app": f'dns: {{name: "app.test:80", server: "{names.address}"}}, timeout: {{connect: 300ms}}',
        "other": f'targets: ["{upstream.url}"]',
    }
    with serving(tmp_path / "gateway", config(specs)) as gateway:
        assert ask(gateway, get("/app/"))[0] == 503
        until, took = time.monotonic() + 1.0, []
        while (began := time.monotonic()) < until:
            assert ask(gateway, get("/other/"))[0] == 200
            took.append(time.monotonic() - began)
        assert sorted(took)[-2] < 0.5, "a lookup takes 5 s to give up, and is on its way all the time"
        assert names.asked
    upstream.close()


def test_endpoints_of_a_service_come_and_go(tmp_path: Path, api: KubernetesApi) -> None:
    upstreams = [Upstream(here) for _ in range(3)]
    one, two, three = (f"127.0.0.1:{upstream.port}" for upstream in upstreams)
    api.put(endpoint_slice("a", "127.0.0.1", service="app", port=upstreams[0].port))
    text = config({"app": balanced("kubernetes: {service: app, namespace: shop, port: http}")}, server="workers: 2")
    with serving(tmp_path / "gateway", text.replace("workers: 1, ", ""), env=api.environ) as gateway:
        assert answers(gateway) == {one}
        wait_until(lambda: len(api.watches()) == 2, "both workers watch")
        api.put(endpoint_slice("b", "127.0.0.1", service="app", port=upstreams[1].port))
        until(gateway, {one, two})
        leaving = {"ready": False, "serving": True, "terminating": True}
        ends = [{"addresses": ["127.0.0.1"], "conditions": leaving}]
        api.put(endpoint_slice("a", service="app", port=upstreams[0].port, endpoints=ends))
        until(gateway, {two})
        wait_until(lambda: all(each.ended.is_set() for each in upstreams[0].connections), "its connections are closed")
        api.compact()
        api.put(endpoint_slice("c", "127.0.0.1", service="app", port=upstreams[2].port))
        api.end_watches()
        until(gateway, {two, three})
        api.delete("b")
        until(gateway, {three})
        api.delete("c")
        wait_until(lambda: {ask(gateway, get("/app/"))[0] for _ in range(10)} == {503}, "no target is left")
        gateway.write(
            text.replace("workers: 1, ", "").replace(
                "kubernetes: {service: app, namespace: shop, port: http}", f'targets: ["{upstreams[0].url}"]'
            )
        )
        assert gateway.admin("/api/reload", "POST")[1]["changed"]
        assert answers(gateway) == {one}
        before = len(api.requests)
        api.put(endpoint_slice("d", "127.0.0.1", service="app"))
        api.end_watches()
        assert answers(gateway) == {one}
        assert len(api.requests) == before, "nobody watches any more"
    for upstream in upstreams:
        upstream.close()
