"""A thousand requests for an upstream that is not there yet, and how soon they are served once it is."""

from __future__ import annotations

import selectors
import time
from pathlib import Path

import pytest

from tests.soak.figures import keep
from tests.support.gateway import wait_until
from tests.support.held_port import held_port, listening
from tests.support.raw import Client, Upstream, echo
from tests.support.through import config, get, serving

COUNT = 1000
#: seconds from the port's opening to the first answer
BAR = 0.05
pytestmark = pytest.mark.soak


def test_a_thousand_wait_and_none_is_lost(tmp_path: Path) -> None:
    hook = Upstream(echo)
    with held_port() as port, selectors.DefaultSelector() as ready:
        activate = f"activate: {{hold: 60s, wake: {{url: '{hook.url}/wake/up', insecure: true}}}}"
        upstreams = {"up": f'targets: ["http://127.0.0.1:{port}"], {activate}'}
        with serving(tmp_path / "g", config(upstreams).replace("workers: 1", "workers: 2")) as gateway:
            clients = [Client(gateway.port) for _ in range(COUNT)]
            for client in clients:
                client.send(get("/up/a"))
                ready.register(client.socket, selectors.EVENT_READ)
            wait_until(lambda: b"/wake/up" in hook.received(), "the upstream is woken")
            time.sleep(2.0)  # a start takes its time: all of them wait
            assert not ready.select(0)
            began = time.monotonic()
            upstream = listening(port)
            assert ready.select(10)
            first = time.monotonic() - began
            statuses = [client.answer()[0] for client in clients]
            last = time.monotonic() - began
            for client in clients:
                client.close()
            upstream.close()
    rows = {
        "waiting requests": COUNT,
        "answered 200": statuses.count(200),
        "from the port's opening to the first answer": f"{first * 1e3:.0f} ms",
        "to the last answer": f"{last * 1e3:.0f} ms",
        "times that the hook was called": hook.received().count(b"POST /wake/up"),
    }
    hook.close()
    keep("activate", "Requests for an upstream that starts", rows)
    assert statuses == [200] * COUNT
    assert first <= BAR
