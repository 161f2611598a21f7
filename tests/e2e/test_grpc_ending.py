"""Calls of gRPC while one of the sides ends in good order: what was begun is finished, what is cut is seen to be."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.certs import Pair
from tests.support.gateway import ROOT, Gateway, wait_until
from tests.support.talk import PATIENCE, Talk, dial, method
from tests.support.through import SERVER, logged, serving

Code = grpc.StatusCode
CONFIG = """
upstreams: {talk: {targets: ['TALK'], timeout: {read: 20s, total: 25s}}}
routes: [{name: talk, match: {path: "/talk.v1.Talk/{method}"}, upstream: talk}]
"""


def config(talk: Talk, ca: Pair) -> str:
    made = ca.cert.parent
    tls = f", tls: {{cert: {made}/default.test.crt, key: {made}/default.test.key, http2: true}}"
    return SERVER.replace("MORE", tls) + CONFIG.replace("TALK", talk.url)


class Calls:
    """One that is answered once, one of many answers, and one both ways: begun on one connection, and not at an end."""

    def __init__(self, gateway: Gateway, talk: Talk, ca: Pair) -> None:
        talk.go_on.clear()
        self._talk = talk
        self._may_end = threading.Event()
        self.channel = dial(gateway.port, ca.cert)
        self.collect = method(self.channel, "Collect").future(self._say(), timeout=PATIENCE)
        self.count = method(self.channel, "Count")(b"10 5000", timeout=PATIENCE)
        self.chat = method(self.channel, "Chat")(self._say(), timeout=PATIENCE)
        assert [next(self.count)[:2], next(self.chat), next(self.chat)] == [b"0.", b"hello", b"one"]
        wait_until(lambda: talk.calls["Collect"], "all have begun")

    def _say(self) -> Iterator[bytes]:
        yield b"one"
        self._may_end.wait()
        yield b"last"

    def echo(self) -> bool:
        """Whether a short call beside them is answered."""
        try:
            return bool(method(self.channel, "Echo")(b"x", timeout=PATIENCE) == b"x")
        except grpc.RpcError as error:
            assert error.code() is Code.UNAVAILABLE
            return False

    def finish(self) -> None:
        """All of them go on to their ends."""
        self.release()
        assert self.collect.result() == b"2 7"
        assert [len(each) for each in self.count] == [5_000] * 9
        assert list(self.chat) == [b"last"]
        assert (self.count.code(), self.chat.code()) == (Code.OK, Code.OK)

    def release(self) -> None:
        """They may end."""
        self._may_end.set()
        self._talk.go_on.set()


@pytest.fixture
def talk() -> Iterator[Talk]:
    made = Talk()
    yield made
    made.close()


@pytest.fixture
def begin(talk: Talk, ca: Pair) -> Iterator[Any]:
    """Begins calls through a gateway."""
    made: list[Calls] = []

    def begun(gateway: Gateway) -> Calls:
        made.append(Calls(gateway, talk, ca))
        return made[-1]

    yield begun
    for each in made:
        each.release()
        each.channel.close()


def test_a_service_that_ends(tmp_path: Path, talk: Talk, ca: Pair, begin: Any) -> None:
    """Its GOAWAY says that what was begun goes on (RFC 9113 section 6.8)."""
    with serving(tmp_path, config(talk, ca)) as gateway:
        calls = begin(gateway)
        ended = talk.server.stop(PATIENCE)
        wait_until(lambda: not calls.echo(), "it takes no more")
        calls.finish()
        assert ended.wait(PATIENCE)


def test_the_gateway_ends(tmp_path: Path, talk: Talk, ca: Pair, begin: Any) -> None:
    with serving(tmp_path, config(talk, ca)) as gateway:
        calls = begin(gateway)
        gateway.send(signal.SIGTERM)
        wait_until(lambda: not calls.echo(), "it takes no more")
        calls.finish()
        assert gateway.process is not None and gateway.process.wait(PATIENCE) == 0


def test_what_has_not_ended_in_time_is_cut(tmp_path: Path, talk: Talk, ca: Pair, begin: Any) -> None:
    with serving(tmp_path, config(talk, ca).replace("workers: 1", "workers: 1, graceful_timeout: 2s")) as gateway:
        calls = begin(gateway)
        gateway.send(signal.SIGTERM)
        for call, end in ((calls.count, list), (calls.chat, list), (calls.collect, lambda call: call.result())):
            with pytest.raises(grpc.RpcError):
                end(call)
            assert call.code() is Code.UNAVAILABLE, call.details()
        assert gateway.process is not None and gateway.process.wait(PATIENCE) == 0
        lines = [logged(gateway, f"/talk.v1.Talk/{name}") for name in ("Count", "Chat", "Collect")]
        assert [(line["status"], line["error"]) for line in lines] == [(499, "client-closed")] * 3
    wait_until(lambda: {b"chat", b"10 5000"} <= set(talk.cancelled), "the service knows")


def test_a_reload(tmp_path: Path, talk: Talk, ca: Pair, begin: Any) -> None:
    other = Talk()
    with serving(tmp_path, config(talk, ca)) as gateway:
        calls = begin(gateway)
        gateway.write(config(other, ca))
        assert gateway.admin("/api/reload", "POST")[0] == 200
        assert calls.echo() and other.calls["Echo"] == 1, "the same connection has the new plan"
        calls.finish()
    other.close()


def test_a_worker_is_replaced(tmp_path: Path, talk: Talk, ca: Pair, begin: Any) -> None:
    """Another one serves before it drains, so that calls that last keep nobody out."""
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "conf/gunicorn.conf.py"), "--max-requests", "20"]
    with serving(tmp_path, config(talk, ca), command=[*command, "gateway.server.wsgi:application"]) as gateway:
        calls = begin(gateway)
        for _ in range(20):
            assert calls.echo()
        wait_until(lambda: len(gateway.workers()) == 2, "another one is there")
        wait_until(lambda: "makes way\n" in gateway.output(), "the first one makes way")
        for _ in range(20):
            assert calls.echo()
        calls.finish()
