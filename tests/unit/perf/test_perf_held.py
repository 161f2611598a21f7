"""What idle connections cost, against a server whose cost is known."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from perf import held
from perf.held import by_connections
from perf.procs import NotServing, Server
from tests.support.ports import free_port

#: a first process with a child that serves, and keeps so many bytes for each connection
SERVES = """
import os, socket, sys, threading
port, size, status = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
if os.fork():
    os.wait()
    sys.exit()
kept = []
def answer(sock):
    while sock.recv(1000):
        sock.sendall(b"HTTP/1.1 " + status + b" X\\r\\nContent-Length: 0\\r\\n\\r\\n")
listening = socket.create_server(("127.0.0.1", port), backlog=1000)
threading.stack_size(65536)
while True:
    sock = listening.accept()[0]
    kept.append(os.urandom(size))
    threading.Thread(target=answer, args=(sock,), daemon=True).start()
"""


@pytest.fixture
def server() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for each in started:
        each.stop()


def start(server: list[Server], size: int, status: str = "200") -> tuple[int, int]:
    port = free_port()
    command = [sys.executable, "-c", SERVES, str(port), str(size), status]
    server.append(Server("child", command, min(os.sched_getaffinity(0)), subprocess.DEVNULL))
    server[0].wait_listening(port)
    return server[0].sid, port


def test_what_each_connection_keeps(server: list[Server]) -> None:
    sid, port = start(server, 100_000)
    found = by_connections(sid, port, "/", 100)
    assert 98 < found["kb_each"] < 150
    assert found["rss_mb"] > 10


def test_what_does_not_answer_is_no_figure(server: list[Server]) -> None:
    sid, port = start(server, 1, "503")
    with pytest.raises(NotServing, match="did not answer"):
        by_connections(sid, port, "/", 10)


def test_no_more_are_opened_than_are_counted(server: list[Server]) -> None:
    sid, port = start(server, 100_000)
    assert 98 < by_connections(sid, port, "/", 210)["kb_each"] < 130


def test_the_first_ones_stay_open_so_that_what_they_would_free_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now: Counter[str] = Counter()
    seen: list[int] = []

    def opened(stack: ExitStack, port: int, path: str, count: int) -> None:
        now["open"] += count
        stack.callback(now.subtract, {"open": count})

    def largest(sid: int) -> tuple[float, float]:
        seen.append(now["open"])
        return 0.0, 0.0

    monkeypatch.setattr(held, "_open", opened)
    monkeypatch.setattr(held, "largest", largest)
    by_connections(1, 1, "/", 300)
    assert seen == [200, 500] and not now["open"]
