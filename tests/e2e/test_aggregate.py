"""`aggregate` in a real gateway over real upstreams."""

from __future__ import annotations

import json
import socket
import time
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
        stock: {upstream: two, path: "/stock/{item.sku}", timeout: 200ms, default: {level: unknown}}
        down: {upstream: dead, path: /down}
      response: {item: item.name, level: stock.level, down: down}
      meta: true
"""


def play(connection: Connection) -> None:
    """/item answers at once (/item/slow never, /item/none 404), /stock/late never."""
    while True:
        head, _ = connection.request()
        path = head.split(b" ")[1]
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
