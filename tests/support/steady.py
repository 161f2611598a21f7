"""Load in the open model, kept request by request: each leaves when it is due, however late the ones before are.

Run as `python -m tests.support.steady PORT PATH RATE SECONDS`; it says `begun`, and at the end gives all of it in
JSON: [[due, seconds, status], ...].
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import gevent
from gevent import socket

from perf.stats import percentile
from tests.support.gateway import ROOT
from tests.support.raw import has_ended

PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it was due (monotonic seconds), how long it took from then on, its status (0: none came)."""

    due: float
    seconds: float
    status: int


class Steady:
    """Requests at a fixed rate from a process of its own, from the moment it is made for some seconds."""

    def __init__(self, port: int, rate: float, seconds: float, path: str = "/") -> None:
        command = [sys.executable, "-m", "tests.support.steady", str(port), path, str(rate), str(seconds)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"begun\n"

    def result(self) -> list[Asked]:
        """Wait for its end: every request, in the order in which they were due."""
        output, _ = self._process.communicate()
        return [Asked(*row) for row in sorted(json.loads(output))]

    def end(self) -> None:
        """End it before its time. Safe to call twice."""
        self._process.kill()
        self._process.wait()


def share_ok(asked: list[Asked]) -> float:
    """The share that was answered with 200."""
    return sum(each.status == 200 for each in asked) / len(asked)


def at(share: float, asked: list[Asked]) -> float:
    """A percentile of the time that requests took, in seconds."""
    return float(percentile(sorted(each.seconds for each in asked), share))


class Load:
    """The connections, and what came back."""

    def __init__(self, port: int, path: str) -> None:
        self.rows: list[tuple[float, float, int]] = []
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        self._idle: list[socket.socket] = []

    def run(self, rate: float, seconds: float) -> None:
        """Send them all, and wait for the last answer."""
        print("begun", flush=True)
        start, running = time.monotonic() + 0.05, []
        for number in range(round(rate * seconds)):
            due = start + number / rate
            gevent.sleep(max(0.0, due - time.monotonic()))
            running.append(gevent.spawn(self._ask, due))
        gevent.joinall(running)

    def _ask(self, due: float) -> None:
        status, sock = 0, None
        try:
            sock = self._kept() or socket.create_connection(("127.0.0.1", self._port), PATIENCE)
            sock.sendall(self._request)
            status, is_kept = self._answer(sock)
            if is_kept:
                self._idle.append(sock)
            else:
                sock.close()
        except OSError:
            if sock is not None:
                sock.close()
        self.rows.append((due, time.monotonic() - due, status))

    def _kept(self) -> socket.socket | None:
        """A connection of before that is still open."""
        while self._idle:
            sock = self._idle.pop()
            if not has_ended(sock):
                return sock
            sock.close()
        return None

    def _answer(self, sock: socket.socket) -> tuple[int, bool]:
        data = b""
        while (end := data.find(b"\r\n\r\n") + 4) < 4 or len(data) < end + _length(data[:end]):
            piece = sock.recv(65536)
            if not piece:
                raise ConnectionResetError("ended before the answer did")
            data += piece
        return int(data[9:12]), b"\r\nconnection: close" not in data[:end].lower()


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or 0)


if __name__ == "__main__":
    load = Load(int(sys.argv[1]), sys.argv[2])
    load.run(float(sys.argv[3]), float(sys.argv[4]))
    print(json.dumps(load.rows))
