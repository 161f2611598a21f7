"""`idempotency` in a real gateway of two workers: carried out once, whoever asks again, and whoever dies meanwhile."""

from __future__ import annotations

import gzip
import json
import os
import select
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway, wait_until
from tests.support.patient import patient_env
from tests.support.raw import Connection, Upstream
from tests.support.redis import redis
from tests.support.through import ask, config, get, problem, sending, serving

ROUTES = """
  - {name: pay, match: {path: /pay}, upstream: up, idempotency: {required: true}}
  - {name: short, match: {path: /short}, upstream: up, timeout: 1s, idempotency: {}}
  - {name: wait, match: {path: /wait}, upstream: up, idempotency: {wait: 9s}}
  - {name: lenient, match: {path: /lenient}, upstream: up, idempotency: {on_store_failure: allow}}
  - {name: packed, match: {path: /packed}, upstream: up, compress: {}, idempotency: {}}
  - {name: cached, match: {path: /cached}, upstream: up, compress: {}, cache: {ttl: 9s}, idempotency: {}}
"""


class Till:
    """An upstream that counts what it carries out; a body that begins with "slow" waits for `open`."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.open = threading.Event()
        self.upstream = Upstream(self.play)

    def play(self, connection: Connection) -> None:
        while True:
            _, body = connection.request()
            self.bodies.append(body)
            if body.startswith(b"slow"):
                self.open.wait(10)
            told = b"number %d" % len(self.bodies) + (b" and so on" * 500 if body.startswith(b"long") else b"")
            connection.send(b"HTTP/1.1 201 Created\r\nLocation: /1\r\nContent-Type: text/plain\r\n")
            connection.send(b"Transfer-Encoding: chunked\r\n\r\n")
            connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(told), told))


@pytest.fixture(scope="module")
def till() -> Iterator[Till]:
    made = Till()
    yield made
    made.open.set()
    made.upstream.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, till: Till) -> Iterator[Gateway]:
    with serving(tmp_path_factory.mktemp("idempotency"), text(till)) as made:
        yield made


def text(till: Till, store: str = "") -> str:
    made = config({"up": f'targets: ["{till.upstream.url}"]'}, ROUTES).replace("workers: 1", "workers: 2")
    return made + (f"store: {store}\n" if store else "")


def pay(body: bytes, key: str, path: str = "/pay") -> bytes:
    return get(path, f"Idempotency-Key: {key}", method="POST", body=body)


def test_it_is_carried_out_once_and_told_by_every_worker(gateway: Gateway, till: Till) -> None:
    first = ask(gateway, pay(b"10", '"k1"'))
    assert first[0] == 201 and "idempotency-replayed" not in first[1]
    for _ in range(8):
        status, headers, body = ask(gateway, pay(b"10", "k1"))
        assert (status, body, headers["location"]) == (201, first[2], "/1")
        assert headers["idempotency-replayed"] == "true"
        assert headers["x-request-id"] != first[1]["x-request-id"]
    assert till.bodies.count(b"10") == 1
    assert problem(gateway, pay(b"11", "k1"))[:2] == (422, "idempotency-key-reused")
    assert problem(gateway, get("/pay", method="POST", body=b"1"))[:2] == (400, "idempotency-key-missing")
    assert problem(gateway, pay(b"10", "a b"))[:2] == (400, "idempotency-key-invalid")


@pytest.mark.parametrize("path", ["/packed", "/cached"])
def test_what_is_kept_was_not_compressed_for_the_one_who_asked_first(gateway: Gateway, till: Till, path: str) -> None:
    def asked(*accept: str) -> tuple[dict[str, str], bytes]:
        return ask(gateway, get(path, "Idempotency-Key: k9", *accept, method="POST", body=b"long"))[1:]

    headers, packed = asked("Accept-Encoding: gzip")
    assert headers["content-encoding"] == "gzip" and "idempotency-replayed" not in headers
    headers, plain = asked()
    assert headers["idempotency-replayed"] == "true" and "content-encoding" not in headers
    assert plain == gzip.decompress(packed) and plain.endswith(b"and so on")


def test_beside_it_there_is_a_409(gateway: Gateway, till: Till) -> None:
    till.open.clear()
    with sending(gateway, pay(b"slow 2", "k2")) as first:
        wait_until(lambda: b"slow 2" in till.bodies, "it is under way")
        status, headers, body = ask(gateway, pay(b"slow 2", "k2"))
        assert (status, headers["retry-after"]) == (409, "1")
        assert json.loads(body)["type"].endswith(":idempotency-in-progress")
        assert problem(gateway, pay(b"other", "k2"))[:2] == (422, "idempotency-key-reused")
        till.open.set()
        assert first.answer()[0] == 201


def test_or_a_wait(gateway: Gateway, till: Till) -> None:
    till.open.clear()
    with sending(gateway, pay(b"slow 3", "k3", "/wait")) as first:
        wait_until(lambda: b"slow 3" in till.bodies, "it is under way")
        with sending(gateway, pay(b"slow 3", "k3", "/wait")) as second:
            till.open.set()
            assert first.answer()[2] == second.answer()[2]
    assert till.bodies.count(b"slow 3") == 1


def test_a_client_that_went_away_gets_its_answer_when_it_asks_again(gateway: Gateway, till: Till) -> None:
    till.open.clear()
    with sending(gateway, pay(b"slow 4", "k4", "/wait")):
        wait_until(lambda: b"slow 4" in till.bodies, "it is under way")
    with sending(gateway, pay(b"slow 4", "k4", "/wait")) as again:
        # Longer than an exchange outlives a client that may have closed one half only.
        assert not select.select([again.socket], [], [], 0.6)[0]
        till.open.set()
        assert again.answer()[1]["idempotency-replayed"] == "true"
    assert ask(gateway, pay(b"slow 4", "k4", "/wait"))[1]["idempotency-replayed"] == "true"
    assert till.bodies.count(b"slow 4") == 1


def test_a_worker_that_is_killed_holds_no_key_for_long(gateway: Gateway, till: Till) -> None:
    till.open.clear()
    with sending(gateway, pay(b"slow 5", "k5", "/short")):
        wait_until(lambda: b"slow 5" in till.bodies, "it is under way")
        for pid in gateway.workers():
            os.kill(pid, signal.SIGKILL)
    till.open.set()
    wait_until(lambda: _status(gateway) == 201, "somebody else may carry it out")
    assert till.bodies.count(b"slow 5") == 2


def _status(gateway: Gateway) -> int:
    try:
        return ask(gateway, pay(b"slow 5", "k5", "/short"))[0]
    except (OSError, EOFError):  # no worker is there yet
        return 0


def test_over_redis_and_without_it(tmp_path: Path, till: Till) -> None:
    with redis(tmp_path) as server:
        store = f"redis://127.0.0.1:{server.port}/0"
        with serving(tmp_path / "gateway", text(till, store), env=patient_env(tmp_path)) as made:
            assert ask(made, pay(b"12", "k6"))[0] == 201
            assert ask(made, pay(b"12", "k6"))[1]["idempotency-replayed"] == "true"
            server.stop()
            assert problem(made, pay(b"12", "k6"))[:2] == (503, "store-unavailable")
            assert ask(made, pay(b"13", "k6", "/lenient"))[0] == 201
    assert till.bodies.count(b"12") == till.bodies.count(b"13") == 1
