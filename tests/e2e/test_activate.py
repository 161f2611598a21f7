"""`activate`: from no target at all to an answer, with real ports and several workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import wait_until
from tests.support.held_port import held_port, listening
from tests.support.raw import Client, Upstream, echo
from tests.support.through import ask, config, get, problem, serving

COUNT = 300


@pytest.fixture
def port() -> Iterator[int]:
    with held_port() as number:
        yield number


def test_requests_wait_for_the_first_target_and_none_is_lost(tmp_path: Path, port: int) -> None:
    hook = Upstream(echo)
    activate = f"activate: {{hold: 30s, wake: {{url: '{hook.url}/wake/up', insecure: true}}}}"
    upstreams = {"up": f'targets: ["http://127.0.0.1:{port}"], {activate}'}
    with serving(tmp_path / "g", config(upstreams).replace("workers: 1", "workers: 2")) as gateway:
        clients = [Client(gateway.port) for _ in range(COUNT)]
        try:
            for client in clients:
                client.send(get("/up/a", method="POST", body=b"x" * 100))
            wait_until(lambda: b"/wake/up" in hook.received(), "the upstream is woken")
            upstream = listening(port)
            statuses = [client.answer()[0] for client in clients]
            upstream.close()
        finally:
            for client in clients:
                client.close()
        assert statuses == [200] * COUNT
        assert hook.received().count(b"POST /wake/up") == 1
    hook.close()


def test_what_is_not_there_in_time_is_a_504(tmp_path: Path, port: int) -> None:
    upstreams = {"up": f'targets: ["http://127.0.0.1:{port}"], activate: {{hold: 200ms}}'}
    with serving(tmp_path / "g", config(upstreams)) as gateway:
        assert problem(gateway, get("/up/a"))[:2] == (504, "activation-timeout")
        assert ask(gateway, get("/up/a"))[1]["retry-after"] == "1"
