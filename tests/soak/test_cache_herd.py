"""Ten thousand clients that want one answer which nobody has yet."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.soak.figures import keep
from tests.support.gateway import wait_until
from tests.support.operations import running, server
from tests.support.raw import Client, Connection, Upstream

COUNT = 10_000
ROUTES = """
upstreams:
  shop: {{targets: ["{url}"]}}
routes:
  - {{name: item, match: {{path: /item}}, upstream: shop, cache: {{ttl: 60s}}}}
"""
pytestmark = pytest.mark.soak


@pytest.mark.parametrize("workers", [1, 4])
def test_a_cold_key_is_fetched_once(tmp_path: Path, workers: int) -> None:
    asked, go = [], threading.Event()

    def play(connection: Connection) -> None:
        while True:
            connection.request()
            asked.append(time.monotonic())
            go.wait(10)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%05d" % len(asked))

    upstream = Upstream(play)
    with running(tmp_path, server(workers, ", connections: 12000") + ROUTES.format(url=upstream.url)) as gateway:
        wait_until(lambda: len(gateway.workers()) == workers, "all workers are there")
        clients = [Client(gateway.port) for _ in range(COUNT)]
        began = time.monotonic()
        for client in clients:
            client.send(b"GET /item HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: asked, "the upstream is asked")
        sent = time.monotonic() - began
        go.set()
        answers = Counter((status, body) for status, _, body in (client.answer() for client in clients))
        took = time.monotonic() - began
        for client in clients:
            client.close()
    upstream.close()
    rows = {
        "asked at once": COUNT,
        "workers": workers,
        "answered 200": sum(count for (status, _), count in answers.items() if status == 200),
        "the upstream was asked": len(asked),
        "seconds until all had asked, until all were answered": f"{sent:.1f}, {took:.1f}",
    }
    keep(f"cache-herd-{workers}", "One cold key", rows)
    assert answers == {(200, b"00001"): COUNT}
    assert len(asked) == 1
