"""The meter in service: every request is counted once, whatever becomes of it, of its worker and of its master."""

from __future__ import annotations

import time

import pytest

from gateway.observability.metrics.snapshot import RouteStats, Snapshot
from tests.support.certs import authority, issue
from tests.support.gateway import free_port
from tests.support.http2 import Http2Client, head
from tests.support.metered import Counting, reader, requests, settled, tries
from tests.support.raw import Client, Connection, Upstream
from tests.support.through import ask, config, get, sending, serving
from tests.support.websocket import asking

MORE = """
  - {name: said, match: {path: /said}, respond: {status: 200, body: said}}
  - {name: kept, match: {path: "/kept/{rest:path}"}, upstream: up, rewrite: "/{rest}", cache: {ttl: 60s}}
  - name: shadowed
    match: {path: /shadowed}
    respond: {status: 204}
    rate_limit: {per: ip, rate: 1/m, burst: 1, mode: shadow}
  - {name: copied, match: {path: /copied}, upstream: up, mirror: {upstream: other}}
"""
UP = 'targets: ["%s"], retry: {attempts: 2, backoff: 1ms}, timeout: {read: 1s}'


def play(connection: Connection) -> None:
    """An upstream that does as the path says."""
    while True:
        head, body = connection.request()
        path = head.split(b" ")[1]
        if path.startswith(b"/gone"):
            return
        if path.startswith(b"/socket"):
            connection.send(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello"
            )
            connection.socket.recv(100)
            return
        if path.startswith(b"/endless"):
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                connection.send(b"5\r\nhello\r\n")
                time.sleep(0.001)
        if path.startswith(b"/slow"):
            time.sleep(0.1)
        if path.startswith(b"/pieces"):
            connection.send(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"4\r\nabcd\r\n" * 5 + b"0\r\n\r\n"
            )
            continue
        status = path[1:4] if path[1:4].isdigit() else b"200"
        connection.send(b"HTTP/1.1 " + status + b" X\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nbody")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    up, other, dead = Upstream(play), Upstream(play), f"http://127.0.0.1:{free_port()}"
    upstreams = {"up": UP % up.url, "other": f'targets: ["{other.url}"]', "dead": f'targets: ["{dead}"]'}
    with serving(tmp_path_factory.mktemp("meter"), config(upstreams, MORE)) as made:
        yield made
    up.close()
    other.close()


@pytest.fixture
def since(gateway):
    """What a route has more than at the start of the test, once so many more requests have ended."""
    read = reader(gateway)
    before = read()

    def more(name: str, count: int) -> tuple[RouteStats, RouteStats | None, Snapshot]:
        old = before.routes.get(name)

        def is_so(now: Snapshot) -> bool:
            # A request is first counted and then no more on its way: who looks in between sees both.
            found = now.routes.get(name)
            return found is not None and requests(found) - requests(old) >= count and not found.in_flight

        figures = settled(read, is_so, f"{count} requests of {name!r} are counted")
        new = figures.routes[name]
        assert requests(new) - requests(old) == count
        assert new.duration.count - (old.duration.count if old else 0) == count
        return new, old, figures

    return more


def gained(new: RouteStats, old: RouteStats | None, part: str) -> dict[object, int]:
    """What one of the mappings has more."""
    earlier = getattr(old, part) if old else {}
    found = {key: count - earlier.get(key, 0) for key, count in getattr(new, part).items()}
    return {key: count for key, count in found.items() if count}


def test_answers_by_method_and_class(gateway, since):
    ask(gateway, get("/up/x"))
    ask(gateway, get("/up/404"))
    ask(gateway, get("/up/503", method="POST", body=b"x"))
    with sending(gateway, get("/up/x", method="HEAD")) as client:
        client.until(b"\r\n\r\n")
    ask(gateway, get("/up/x", method="PROPFIND"))
    new, old, figures = since("up", 5)
    assert gained(new, old, "requests") == {
        ("GET", "2xx"): 1, ("GET", "4xx"): 1, ("POST", "5xx"): 1, ("HEAD", "2xx"): 1, ("other", "2xx"): 1,
    }  # fmt: skip
    assert gained(new, old, "errors") == {}
    assert new.sent - (old.sent if old else 0) == 16, "a HEAD has no body"
    newest = figures.failures[0]
    assert (newest.method, newest.route, newest.upstream, newest.status, newest.error) == ("POST", "up", "up", 503, "")
    assert abs(newest.at - time.time()) < 60
    assert len(newest.request_id) == 32


def test_upstream_time_apart_from_the_gateways_own(gateway, since):
    began = time.monotonic()
    ask(gateway, get("/up/slow"))
    new, old, _ = since("up", 1)
    took = time.monotonic() - began
    assert 0.1 <= new.upstream_time.sum - (old.upstream_time.sum if old else 0.0) <= took
    assert new.gateway_time.sum - (old.gateway_time.sum if old else 0.0) <= took - 0.1
    ask(gateway, get("/said"))
    said, before, _ = since("said", 1)
    assert said.upstream_time.count == 0, "nobody was asked"


def test_errors_retries_and_targets(gateway, since):
    ask(gateway, get("/up/x"))
    _, _, before = since("up", 1)
    ask(gateway, get("/up/gone"))
    ask(gateway, get("/dead/x"))
    new, old, _ = since("up", 2)
    assert gained(new, old, "requests") == {("GET", "2xx"): 1, ("GET", "5xx"): 1}
    assert gained(new, old, "errors") == {"upstream-reset": 1}
    assert gained(new, old, "outcomes") == {"retried": 1}
    _, _, figures = since("dead", 1)
    assert figures.upstreams["dead"].failures == {"upstream-refused": 1}
    (address,) = [address for upstream, address in figures.targets if upstream == "dead"]
    assert figures.targets["dead", address] == figures.upstreams["dead"]
    up, earlier = figures.upstreams["up"], before.upstreams["up"]
    assert tries(up) - tries(earlier) == up.failures["upstream-reset"] == 3
    assert up.retries - earlier.retries == 2
    assert up.in_flight == 0
    assert figures.failures[0].error == "upstream-refused"


def test_what_a_cache_a_shadow_and_a_mirror_did(gateway, since):
    for _ in range(3):
        ask(gateway, get("/kept/x"))
        ask(gateway, get("/shadowed"))
    ask(gateway, get("/kept/x", method="POST"))
    ask(gateway, get("/copied"))
    kept, old, _ = since("kept", 4)
    assert gained(kept, old, "outcomes") == {"cache_miss": 1, "cache_hit": 2, "cache_bypass": 1}
    shadowed, old, _ = since("shadowed", 3)
    assert gained(shadowed, old, "outcomes") == {"limit_shadow": 2}
    copied, old, _ = since("copied", 1)
    assert gained(copied, old, "outcomes") == {"mirrored": 1}


def test_what_no_route_takes_and_what_cannot_be_read(gateway, since):
    assert ask(gateway, get("/nowhere"))[0] == 404
    assert ask(gateway, b"GET /up/x HTTP/1.1\r\n\r\n")[0] == 400
    assert ask(gateway, b"nonsense\r\n\r\n")[0] == 400
    assert ask(gateway, get("/up/" + "x" * 70_000))[0] in (414, 431)
    new, old, _ = since("", 4)
    assert sum(gained(new, old, "requests").values()) == 4
    errors = gained(new, old, "errors")
    assert sum(errors.values()) == 4
    assert errors["route-not-found"] == 1
    assert errors["malformed-request"] == 2


def test_a_body_in_pieces_and_a_client_that_goes_away(gateway, since):
    assert ask(gateway, get("/up/pieces"))[2] == b"abcd" * 5
    client = Client(gateway.port).send(get("/up/endless"))
    client.until(b"hello")
    read = reader(gateway)
    assert settled(read, lambda now: now.routes["up"].in_flight == 1, "it is in flight").routes["up"].in_flight == 1
    client.reset()
    new, old, _ = since("up", 2)
    assert gained(new, old, "requests") == {("GET", "2xx"): 1, ("GET", "4xx"): 1}
    assert gained(new, old, "errors") == {"client-closed": 1}


def test_a_tunnel_counts_when_it_ends(gateway, since):
    read = reader(gateway)
    before = read().routes.get("up")
    client = Client(gateway.port).send(asking("/up/socket"))
    client.until(b"hello")
    during = read().routes["up"]
    assert during.in_flight == 1
    assert requests(during) == requests(before)
    time.sleep(0.05)
    client.close()
    new, old, _ = since("up", 1)
    assert gained(new, old, "requests") == {("GET", "1xx"): 1}
    assert new.duration.sum - (old.duration.sum if old else 0.0) >= 0.05
    assert new.gateway_time.count == (old.gateway_time.count if old else 0)


def test_streams_of_http2(tmp_path):
    ca = authority(tmp_path)
    pair = issue(tmp_path, ca, "default.test")
    up = Upstream(play)
    text = config({"up": UP % up.url}, server=f"tls: {{cert: {pair.cert}, key: {pair.key}, http2: true}}")
    with serving(tmp_path / "gateway", text) as made, Http2Client(made.port, ca.cert) as client:
        read = reader(made)
        numbers = [client.ask(head("/up/x")) for _ in range(5)]
        assert [client.answer(number).status for number in numbers] == [200] * 5
        assert client.get(*head("/nowhere")).status == 404
        cut = client.ask(head("/up/endless"))
        client.until(lambda: client.answers[cut].body, "it begins")
        client.h2.reset_stream(cut, 8)
        client.flush()

        def is_over(now: Snapshot) -> bool:
            routes = now.routes.values()
            return sum(map(requests, routes)) == 7 and not any(each.in_flight for each in routes)

        figures = settled(read, is_over, "all streams are counted, and nothing is on its way")
        assert figures.routes["up"].requests == {("GET", "2xx"): 5, ("GET", "4xx"): 1}
        assert figures.routes["up"].errors == {"client-closed": 1}
        assert figures.routes[""].errors == {"route-not-found": 1}
    up.close()


def test_clients_are_those_who_ask(gateway):
    wanted = [Counting(gateway.port, "/said", most=200) for _ in range(2)]
    for each in wanted:
        each.start()
    for each in wanted:
        each.join()
    (address, count), *rest = settled(reader(gateway), lambda now: now.clients, "a client was seen").clients
    assert (address, rest) == ("127.0.0.1", [])
    assert count >= 16
