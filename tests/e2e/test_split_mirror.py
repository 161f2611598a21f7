"""Splits and mirrors over real sockets: shares, stickiness, and a mirror that nobody notices."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Connection, Upstream, echo
from tests.support.through import ask, config, get, sending, serving

pytestmark = pytest.mark.timed

REQUESTS = 1000

ROUTES = """
  - name: canary
    match: {path: "/canary/{rest:path}"}
    split:
      - {upstream: stable, weight: 95}
      - {upstream: fresh, weight: 5, headers: {request: {set: {X-Side: canary}}, response: {set: {X-Leg: fresh}}}}
  - name: sticky
    match: {path: "/sticky/{rest:path}"}
    split: {legs: [{upstream: stable}, {upstream: fresh}], sticky: cookie, override: X-Canary}
  - name: copied
    match: {path: "/copied/{rest:path}"}
    upstream: stable
    headers: {request: {set: {X-Set: "{rest}"}}}
    mirror: {upstream: shadow}
  - name: unheard
    match: {path: "/unheard/{rest:path}"}
    upstream: stable
    mirror: {upstream: hole}
  - name: nowhere
    match: {path: "/nowhere/{rest:path}"}
    split: [{upstream: stable}]
    mirror: {upstream: closed}
"""


def named(name: bytes):
    """An upstream that says who it is, and whether it was told X-Side."""

    def play(connection: Connection) -> None:
        while True:
            head, _ = connection.request()
            body = name + (b" canary" if b"\r\nX-Side: canary\r\n" in head else b"")
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    return play


def hole(connection: Connection) -> None:
    """Accepts and never answers."""
    connection.socket.settimeout(None)
    while connection.socket.recv(65536):
        pass


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    made = {
        "stable": Upstream(named(b"stable")),
        "fresh": Upstream(named(b"fresh")),
        "shadow": Upstream(echo),
        "hole": Upstream(hole),
    }
    yield made
    for upstream in made.values():
        upstream.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstreams: dict[str, Upstream]) -> Iterator[Gateway]:
    specs = {name: f'targets: ["{upstream.url}"]' for name, upstream in upstreams.items()}
    specs["hole"] += ", timeout: {connect: 1s, read: 20s, total: 20s}"
    specs["closed"] = 'targets: ["http://127.0.0.1:1"]'
    with serving(tmp_path_factory.mktemp("split"), config(specs, ROUTES)) as made:
        yield made


def bodies(gateway: Gateway, path: str, count: int, *lines: str) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    with sending(gateway, b"") as client:
        for _ in range(count):
            found[client.send(get(path, *lines)).answer()[2]] += 1
    return found


def test_a_canary_gets_its_share_and_its_headers(gateway: Gateway) -> None:
    found = bodies(gateway, "/canary/a", REQUESTS)
    assert set(found) == {b"stable", b"fresh canary"}
    assert 15 <= found[b"fresh canary"] <= 85, "5 %, five standard deviations around it"


def test_a_legs_answer_is_changed_too(gateway: Gateway) -> None:
    def fresh() -> dict[str, str] | None:
        _, headers, body = ask(gateway, get("/canary/b"))
        assert ("x-leg" in headers) == (body == b"fresh canary")
        return headers if "x-leg" in headers else None

    assert wait_until(fresh, "a request takes the canary")["x-leg"] == "fresh"


def test_a_client_stays_on_its_side(gateway: Gateway) -> None:
    sides: dict[bytes, str] = {}
    while len(sides) < 2:
        _, headers, body = ask(gateway, get("/sticky/a"))
        sides[body] = headers["set-cookie"].partition(";")[0]
    for body, cookie in sides.items():
        assert bodies(gateway, "/sticky/b", 30, f"Cookie: {cookie}") == {body: 30}
        assert "set-cookie" not in ask(gateway, get("/sticky/c", f"Cookie: {cookie}"))[1]
        assert bodies(gateway, "/sticky/b", 5, f"Cookie: {cookie}", "X-Canary: fresh") == {b"fresh": 5}


def test_routes_are_shown(gateway: Gateway) -> None:
    rows = {row["name"]: row for row in gateway.admin("/api/routes")[1]}
    assert rows["canary"]["split"] == [{"upstream": "stable", "weight": 95}, {"upstream": "fresh", "weight": 5}]
    assert rows["copied"]["mirror"] == {"upstream": "shadow", "share": 1.0}
    assert rows["stable"]["split"] is rows["stable"]["mirror"] is None


def copy_of(shadow: Upstream, mark: bytes) -> bytes:
    """The copied request with `mark` in it, head and body."""

    def found() -> bytes | None:
        received = shadow.received()
        return received[received.rindex(b"HTTP/1.1\r\n", 0, received.index(mark)) :] if mark in received else None

    return wait_until(found, f"{mark!r} is copied")


def test_a_copy_arrives_with_its_body_and_a_mark(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    status, _, body = ask(
        gateway, get("/copied/first", "X-Gateway-Mirror: forged", method="POST", body=b"the first body")
    )
    assert (status, body) == (200, b"stable")
    copy = copy_of(upstreams["shadow"], b"the first body")
    assert b"X-Set: first\r\n" in copy and b"X-Gateway-Mirror: 1\r\n" in copy and b"forged" not in copy
    assert b"Content-Length: 14\r\n" in copy
    assert b"X-Gateway-Mirror: 1" not in upstreams["stable"].received()


def test_a_chunked_body_is_copied_when_it_is_small(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    request = (
        get("/copied/second", "Transfer-Encoding: chunked", method="POST") + b"6\r\nsecond\r\n5\r\n body\r\n0\r\n\r\n"
    )
    assert ask(gateway, request)[2] == b"stable"
    assert b"Content-Length: 11\r\n" in copy_of(upstreams["shadow"], b"second body")


def test_a_large_body_is_not(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    assert ask(gateway, get("/copied/large", method="PUT", body=b"L" * 65537))[0] == 200
    assert ask(gateway, get("/copied/after", method="PUT", body=b"after it"))[0] == 200
    copy_of(upstreams["shadow"], b"after it")
    assert b"LLLL" not in upstreams["shadow"].received()


def test_a_mirror_that_cannot_be_reached_is_not_noticed(gateway: Gateway) -> None:
    assert bodies(gateway, "/nowhere/a", 20) == {b"stable": 20}


def test_a_mirror_that_never_answers_is_not_noticed(gateway: Gateway, upstreams: dict[str, Upstream]) -> None:
    def longest(path: str) -> float:
        """Seconds that a request takes, but for two that the machine may have held up."""
        took = []
        with sending(gateway, b"") as client:
            for _ in range(200):
                began = time.monotonic()
                assert client.send(get(path)).answer()[2] == b"stable"
                took.append(time.monotonic() - began)
        return sorted(took)[-3]

    longest("/stable/a")
    assert longest("/unheard/a") < 0.5, "the mirror's own limits are 1 s to connect and 20 s to answer"
    wait_until(lambda: len(upstreams["hole"].connections) == 64, "64 copies are on their way")
    words = "the mirror hole is slow: 1 copies left out so far"
    wait_until(lambda: words in gateway.output(), "the log says so")
    assert longest("/unheard/a") < 0.5
    assert len(upstreams["hole"].connections) == 64
    assert ask(gateway, get("/copied/still", method="POST", body=b"other mirrors go on"))[0] == 200
    copy_of(upstreams["shadow"], b"other mirrors go on")
