"""`aggregate` in a real gateway over real upstreams."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Connection, Upstream
from tests.support.through import ask, config, get, logged, problem, sending, serving

ROUTES = """
  - name: page
    match: {path: "/pages/{id}"}
    aggregate:
      parts:
        item: {upstream: one, path: "/item/{id}", required: true}
        stock: {upstream: two, path: "/stock/{item.sku}", timeout: 2s, default: {level: unknown}}
        down: {upstream: dead, path: /down}
      response: {item: item.name, level: stock.level, down: down}
      meta: true
  - name: own
    match: {path: "/own/{id}"}
    aggregate:
      parts:
        plain: {upstream: one, path: "/fickle/plain/{id}"}
        own: {upstream: one, path: "/fickle/own/{id}", retry: {backoff: 1ms}}
        post: {upstream: one, method: POST, path: "/fickle/post/{id}", retry: {backoff: 1ms}}
        twice: {upstream: one, method: POST, path: "/fickle/twice/{id}", retry: {methods: [POST], non_idempotent: true}}
      meta: true
  - name: its
    match: {path: "/its/{id}"}
    aggregate:
      parts:
        its: {upstream: again, path: "/fickle/its/{id}"}
        off: {upstream: again, path: "/fickle/off/{id}", retry: off}
      meta: true
  - name: timely
    match: {path: /timely}
    aggregate:
      parts:
        ill: {upstream: many, path: /fickle/ill, timeout: 2s, retry: {attempts: 10, backoff: 1ms}}
      meta: true
"""


ASKED: Counter[str] = Counter()
"""How often the upstreams were asked for what they do not give at once."""


def play(connection: Connection) -> None:
    """/item answers at once (/item/slow never, /item/none 404), /stock/late never, /fickle/x 503 and then 200.

    /fickle/ill is slow to say 503, always.
    """
    while True:
        head, _ = connection.request()
        path = head.split(b" ")[1]
        if path.startswith(b"/fickle/"):
            ASKED[path.decode()] += 1
            if path.endswith(b"/ill"):
                time.sleep(0.6)
            status = b"503 Busy" if ASKED[path.decode()] == 1 or path.endswith(b"/ill") else b"200 OK"
            connection.send(b"HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\n{}" % status)
            continue
        if path in (b"/item/slow", b"/stock/late"):
            connection.socket.recv(1)
            return
        name = path.rpartition(b"/")[2].decode()
        body = json.dumps({"name": name, "sku": "late" if name == "late" else "s", "level": 3}).encode()
        status = b"404 Not Found" if name == "none" else b"200 OK"
        connection.send(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


@pytest.fixture(scope="module")
def upstreams() -> Iterator[list[Upstream]]:
    made = [Upstream(play), Upstream(play)]
    yield made
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstreams: list[Upstream]) -> Iterator[Gateway]:
    one, two = upstreams
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))  # nobody listens there, nor can
    urls = {"one": one.url, "two": two.url, "dead": f"http://127.0.0.1:{dead.getsockname()[1]}"}
    named = {name: f'targets: ["{url}"]' for name, url in urls.items()}
    named["again"] = f'targets: ["{two.url}"], retry: {{backoff: 1ms}}'
    named["many"] = f'targets: ["{two.url}"], retry: {{budget: 100%}}'
    with dead, serving(tmp_path_factory.mktemp("aggregate"), config(named, ROUTES)) as made:
        yield made


def test_what_came_and_what_did_not(gateway: Gateway) -> None:
    status, headers, body = ask(gateway, get("/pages/tea"))
    assert (status, headers["x-gateway-complete"]) == (200, "false")
    assert json.loads(body) == {
        "item": "tea", "level": 3, "down": None, "meta": {"complete": False, "failed": {"down": "upstream-refused"}}
    }  # fmt: skip
    line = logged(gateway, "/pages/tea")
    assert (line["status"], line["upstream"]) == (200, "aggregate")


def test_a_part_that_never_answers_costs_its_own_time_only(gateway: Gateway) -> None:
    started = time.monotonic()
    _, _, body = ask(gateway, get("/pages/late"))
    assert time.monotonic() - started < 5
    told = json.loads(body)
    assert told["level"] == "unknown" and told["meta"]["failed"]["stock"] == "upstream-timeout"


def test_a_required_part_is_named(gateway: Gateway) -> None:
    assert problem(gateway, get("/pages/none"))[:2] == (502, "part-failed")
    assert "The part item failed" in json.loads(ask(gateway, get("/pages/none"))[2])["detail"]


def test_a_client_that_leaves_frees_what_was_at_work(gateway: Gateway, upstreams: list[Upstream]) -> None:
    one = upstreams[0]

    def asked() -> list[Connection]:
        return [each for each in one.connections if b"/item/slow" in each.received]

    with sending(gateway, get("/pages/slow")):
        connection = wait_until(asked, "the part is asked")[-1]
    assert connection.ended.wait(5)
    assert logged(gateway, "/pages/slow")["status"] == 499


def retries(gateway: Gateway, upstream: str) -> int:
    """What counts against the budget of an upstream."""
    found = next(each for each in gateway.admin("/api/upstreams")[1] if each["name"] == upstream)
    return int(found["budget"]["retries"])


def test_a_part_is_tried_by_rules_of_its_own(gateway: Gateway) -> None:
    told = json.loads(ask(gateway, get("/own/7"))[2])
    assert (told["own"], told["twice"]) == ({}, {})
    assert told["meta"]["failed"] == {"plain": "upstream-bad-answer", "post": "upstream-bad-answer"}
    assert {name: ASKED[f"/fickle/{name}/7"] for name in ("plain", "own", "post", "twice")} == {
        "plain": 1, "own": 2, "post": 1, "twice": 2
    }  # fmt: skip
    assert retries(gateway, "one") == 2


def test_a_part_is_tried_by_the_rules_of_its_upstream_unless_it_says_off(gateway: Gateway) -> None:
    told = json.loads(ask(gateway, get("/its/7"))[2])
    assert told["its"] == {} and told["meta"]["failed"] == {"off": "upstream-bad-answer"}
    assert (ASKED["/fickle/its/7"], ASKED["/fickle/off/7"]) == (2, 1)
    assert retries(gateway, "again") == 1


def test_all_tries_of_a_part_end_with_its_time(gateway: Gateway) -> None:
    started = time.monotonic()
    told = json.loads(ask(gateway, get("/timely"))[2])
    assert time.monotonic() - started < 5 and list(told["meta"]["failed"]) == ["ill"]
    assert 2 <= ASKED["/fickle/ill"] <= 6
