"""The cache in service: two workers, a store of the host or a Redis, and an upstream that counts what it is asked."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from email.message import Message
from functools import partial
from itertools import count
from math import inf
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection

from tests.support.flood import undisturbed
from tests.support.gateway import ROOT, Gateway, wait_until
from tests.support.operations import running, server
from tests.support.raw import Client, Connection, Upstream
from tests.support.redis import redis
from tests.support.tries import first_quick
from tests.support.websocket import service

pytestmark = pytest.mark.timed

ROUTES = """
upstreams:
  shop: {targets: ["%s"], timeout: {read: 20s, total: 20s}}
routes:
  - name: item
    match: {path: "/items/{id}"}
    upstream: shop
    cache: {ttl: 60s, tags: ["item-{id}"]}
  - name: stale
    match: {path: "/stale/{id}"}
    upstream: shop
    cache: {ttl: 100ms, stale_while_revalidate: 60s, stale_if_error: 60s}
  - name: change
    match: {path: "/items/{id}", methods: [POST]}
    upstream: shop
"""


class Shop:
    """Counts what it is asked, and answers with the count; `pause` is seconds that it takes, `status` what it is.

    While it is shut nobody is answered; `waiting` are those.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: list[str] = []
        self._changed = threading.Condition()
        self._is_shut = False
        self.pause = 0.0
        self.status = "200 OK"
        self.headers = ""
        self.upstream = Upstream(self._play)

    def count(self, path: str) -> int:
        return self.asked.count(f"GET {path}")

    def shut(self) -> None:
        """Let nobody in."""
        with self._changed:
            self._is_shut = True

    def open(self) -> None:
        """Let them in, and those who wait go on."""
        with self._changed:
            self._is_shut = False
            self._changed.notify_all()

    def _enter(self, method: str, path: str) -> int:
        """Its number, once it is let in."""
        with self._changed:
            self.asked.append(f"{method} {path}")
            number = len(self.asked)
        time.sleep(self.pause)
        with self._changed:
            if self._is_shut:
                self.waiting.append(path)
                self._changed.wait_for(lambda: not self._is_shut, 30)
                self.waiting.remove(path)
        return number

    def _play(self, connection: Connection) -> None:
        while True:
            head, _ = connection.request()
            method, path, _ = head.decode().split(" ", 2)
            body = str(self._enter(method, path)).encode()
            lines = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(body)}\r\n{self.headers}\r\n"
            connection.send(lines.encode() + body)


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.upstream.close()


@contextmanager
def serving(folder: Path, shop: Shop, more: str = "") -> Iterator[Gateway]:
    folder.mkdir(exist_ok=True)
    with running(folder, server(2) + more + ROUTES % shop.upstream.url) as gateway:
        wait_until(lambda: len(gateway.workers()) == 2, "both workers are there")
        yield gateway


def answered(gateway: Gateway, path: str, method: str = "GET", host: str = "") -> tuple[int, Message, bytes]:
    """(status, fields, body) on a connection of its own, by whichever worker takes it."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    try:
        connection.request(method, path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def ask(gateway: Gateway, path: str, method: str = "GET", host: str = "") -> tuple[int, str, bytes]:
    """(status, Cache-Status, body)."""
    status, fields, body = answered(gateway, path, method, host)
    return status, fields.get("Cache-Status", ""), body


def age(gateway: Gateway, path: str) -> int:
    """Whole seconds since the upstream made the answer."""
    return int(answered(gateway, path)[1]["Age"])


def at_once(gateway: Gateway, path: str, number: int) -> list[tuple[int, str, bytes]]:
    answers: list[tuple[int, str, bytes]] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(gateway, path))) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def known_to_all(gateway: Gateway, path: str) -> bytes:
    """The body that all workers give."""

    def agreed() -> bytes | None:
        bodies = {ask(gateway, path)[2] for _ in range(16)}
        return bodies.pop() if len(bodies) == 1 else None

    found: bytes = wait_until(agreed, "all give the same")
    return found


def is_gone(gateway: Gateway, path: str, body: bytes) -> bool:
    """Whether no worker gives this body any more."""
    return body not in {ask(gateway, path)[2] for _ in range(16)}


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_many_at_once_over_two_workers_ask_the_upstream_once(kind: str, tmp_path: Path, shop: Shop) -> None:
    shop.pause = 0.5
    numbers = count()
    with redis(tmp_path) as store:
        more = f"store: redis://127.0.0.1:{store.port}/0\n" if kind == "redis" else ""

        def together() -> tuple[set[tuple[int, bytes]], int, bool]:
            """What was answered, how often the upstream was asked, and whether the store was never late."""
            number = next(numbers)
            with serving(tmp_path / str(number), shop, more) as gateway:
                answers = at_once(gateway, f"/items/{number}", 60)
                found = {(status, body) for status, _, body in answers}
                return found, shop.count(f"/items/{number}"), undisturbed([gateway])

        # Who waits for a late store in vain does as one without: the upstream is asked once more.
        found, asked, _ = first_quick(together, lambda found: found[2])
    assert len(found) == 1 and found.pop()[0] == 200
    assert asked == 1


def test_two_gateways_over_one_redis_ask_once_and_hear_of_purges(tmp_path: Path, shop: Shop) -> None:
    shop.pause = 0.5
    numbers = count()

    def together() -> tuple[set[tuple[int, bytes]], int, float, bool]:
        """What was answered, how often the upstream was asked, seconds until a purge was known, and as above."""
        number = next(numbers)
        more, path = f"store: redis://127.0.0.1:{store.port}/0\n", f"/items/{number}"
        with ExitStack() as stack:
            hosts = [stack.enter_context(serving(tmp_path / f"{name}-{number}", shop, more)) for name in "ab"]

            def asked(place: int) -> tuple[int, bytes]:
                return ask(hosts[place % 2], path, host="shop.example")[::2]

            with ThreadPoolExecutor(60) as pool:
                found, times = set(pool.map(asked, range(60))), shop.count(path)
            if hosts[0].admin(f"/api/cache?tag=item-{number}", "DELETE")[0] != 204:  # the store was late
                return found, times, inf, undisturbed(hosts)
            purged = time.monotonic()
            wait_until(lambda: not found & {asked(place) for place in range(16)}, "both have heard of it")
            return found, times, time.monotonic() - purged, undisturbed(hosts)

    with redis(tmp_path) as store:
        found, times, seconds, _ = first_quick(together, lambda found: found[3])
    assert len(found) == 1 and found.pop()[0] == 200
    assert times == 1 and seconds < 3.0


def is_counted(gateway: Gateway) -> bool:
    counts = gateway.admin("/api/cache")[1]["routes"].get("item", {})
    return bool(counts.get("hits") and counts.get("stored"))


def test_a_purge_is_known_to_all_workers_within_a_second(tmp_path: Path, shop: Shop) -> None:
    with serving(tmp_path, shop) as gateway:
        for query in ("tag=item-2", "url=/items/2", f"url=http://127.0.0.1:{gateway.port}/items/2", "prefix=/ite",
                      "route=item", "all=true"):  # fmt: skip
            before = known_to_all(gateway, "/items/2")
            assert gateway.admin(f"/api/cache?{query}", "DELETE")[0] == 204
            purged = time.monotonic()
            wait_until(partial(is_gone, gateway, "/items/2", before), f"{query} is known", 3.0)
            assert time.monotonic() - purged < 2.0
        wait_until(partial(is_counted, gateway), "hits and what is kept are counted by all workers")


def test_what_is_no_purge_is_said_so(tmp_path: Path, shop: Shop) -> None:
    with serving(tmp_path, shop) as gateway:
        for query in ("", "?all=no", "?tags=a", "?url=nowhere", "?tag=a&all=true"):
            status, problem = gateway.admin(f"/api/cache{query}", "DELETE")
            assert (status, problem["type"].rpartition(":")[2]) == (422, "bad-change"), query
        line = [sys.executable, "-m", "gateway.cli", "cache", "purge", "-c", str(gateway.config), "--route"]
        ended = subprocess.run([*line, "itme"], cwd=ROOT, capture_output=True, text=True)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("There is no such route: There is no route 'itme': did you mean `item`? there ")
        assert subprocess.run([*line, "item"], cwd=ROOT).returncode == 0


def test_a_change_by_another_route_is_seen_by_all_workers(tmp_path: Path, shop: Shop) -> None:
    with serving(tmp_path, shop) as gateway:
        before = known_to_all(gateway, "/items/3")
        assert ask(gateway, "/items/3", "POST")[0] == 200
        wait_until(partial(is_gone, gateway, "/items/3", before), "no worker has it", 3.0)


def held(gateway: Gateway, shop: Shop, path: str) -> int:
    """The number of an answer that is waited for behind one that is stale: those that are kept have lower ones."""
    wait_until(lambda: "; hit" in ask(gateway, path)[1], "it is kept")
    shop.shut()
    wait_until(lambda: ask(gateway, path) and shop.waiting, "it is stale, and refreshed")
    return len(shop.asked)


def test_stale_answers_do_not_wait_for_a_slow_upstream(tmp_path: Path, shop: Shop) -> None:
    with serving(tmp_path, shop) as gateway:
        asked, took = held(gateway, shop, "/stale/4"), []
        for _ in range(100):
            began = time.monotonic()
            assert int(ask(gateway, "/stale/4")[2]) < asked
            took.append(time.monotonic() - began)
        assert max(took) < 1.0, "nobody waited for the upstream"
        assert (shop.waiting, shop.count("/stale/4")) == (["/stale/4"], asked), "one of the host refreshes"
        shop.open()
        wait_until(lambda: int(ask(gateway, "/stale/4")[2]) >= asked, "the refreshed answer is there")


def test_stale_answers_stand_in_for_an_upstream_that_fails(tmp_path: Path, shop: Shop) -> None:
    with serving(tmp_path, shop) as gateway:
        failing = held(gateway, shop, "/stale/5")
        shop.status = "503 Service Unavailable"
        shop.open()
        shop.upstream.close()
        wait_until(lambda: age(gateway, "/stale/5") >= 1, "it is stale, and nothing came in its place")
        answers = [ask(gateway, "/stale/5") for _ in range(10)]
        assert all(status == 200 and int(body) < failing for status, _, body in answers), answers


def test_answers_that_may_not_be_kept_do_not_queue(tmp_path: Path, shop: Shop) -> None:
    shop.headers, shop.pause = "Cache-Control: private\r\n", 0.3
    with serving(tmp_path, shop) as gateway:
        ask(gateway, "/items/6")
        began = time.monotonic()
        answers = at_once(gateway, "/items/6", 12)
        assert {status for status, _, _ in answers} == {200}
        assert shop.count("/items/6") == 13
        assert time.monotonic() - began < 2.5, "not one after the other"


def test_a_store_that_dies_makes_no_error(tmp_path: Path, shop: Shop) -> None:
    with redis(tmp_path) as store, serving(tmp_path, shop, f"store: redis://127.0.0.1:{store.port}/0\n") as gateway:
        known_to_all(gateway, "/items/7")
        asked = shop.count("/items/7")
        store.stop()
        assert {ask(gateway, "/items/7")[0] for _ in range(10)} == {200}
        assert shop.count("/items/7") - asked <= 1, "workers keep by themselves; one of them may not have had it yet"
        assert ask(gateway, "/items/8")[0] == 200


def test_events_stream_through_a_route_with_a_cache(tmp_path: Path) -> None:
    go = threading.Event()

    def play(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.send(b"9\r\ndata: 1\n\n\r\n")
        go.wait(10)
        connection.send(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    upstream = Upstream(play)
    with running(tmp_path, server(1) + ROUTES % upstream.url) as gateway:
        client = Client(gateway.port).send(b"GET /items/9 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.until(b"data: 1\n\n")
        go.set()
        client.until(b"data: 2\n\n")
        client.close()
    upstream.close()


def test_a_websocket_goes_through_a_route_with_a_cache(tmp_path: Path) -> None:
    def play(connection: ServerConnection) -> None:
        connection.send(connection.recv())

    with service(play) as port, running(tmp_path, server(1) + ROUTES % f"http://127.0.0.1:{port}") as gateway:
        with connect(f"ws://127.0.0.1:{gateway.port}/items/9", proxy=None) as socket:
            socket.send("said")
            assert socket.recv(timeout=10) == "said"
