"""Callers in the open model who ask for this and that until they are stopped, and keep what became of each request.

They hold connections open as any client does, leave those that the other end has closed, and try nothing twice.
Run as `python -m tests.support.callers PORT RATE`; stdin's end stops it, and all of it comes in JSON.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass

import gevent
from gevent import os as gevent_os
from gevent import socket

from tests.support.gateway import ROOT
from tests.support.raw import has_ended
from tests.support.steady import PATIENCE, _length

#: of ten requests, what they ask for
MIX = (*(["GET /leased"] * 5), *(["GET /cached"] * 2), "GET /exact", "PUT /leased", "POST /leased")
REDELIVERABLE = ("GET", "PUT")


@dataclass(frozen=True, slots=True)
class Call:
    """One request: when it was due (monotonic), seconds from then on, status (0: no answer), and the trouble if any.

    The trouble with an answer is its kind where a gateway says one, else that it is the balancer's.
    """

    due: float
    seconds: float
    status: int
    what: str
    trouble: str

    @property
    def is_idempotent(self) -> bool:
        """Whether it might have been sent twice (RFC 9110 section 9.2.2)."""
        return self.what.startswith(REDELIVERABLE)


class Callers:
    """At a fixed rate, from a process of its own."""

    def __init__(self, port: int, rate: float) -> None:
        command = [sys.executable, "-m", "tests.support.callers", str(port), str(rate)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"begun\n"

    def stop(self) -> list[Call]:
        """No more of them; every call, in the order in which they were due."""
        output, _ = self._process.communicate()
        return [Call(*row) for row in sorted(json.loads(output))]

    def end(self) -> None:
        """Away with it, whatever it was doing. Safe to call twice."""
        self._process.kill()
        self._process.communicate()


class Load:
    """The connections, and what came back."""

    def __init__(self, port: int) -> None:
        self.rows: list[tuple[float, float, int, str, str]] = []
        self._port = port
        self._idle: list[socket.socket] = []
        self._is_over = False

    def run(self, rate: float) -> None:
        """Send until stdin ends, and wait for the last answer."""
        print("begun", flush=True)
        stdin = gevent.spawn(self._until_stdin_ends)
        start, number, running = time.monotonic() + 0.05, 0, set()
        while not self._is_over:
            due = start + number / rate
            gevent.sleep(max(0.0, due - time.monotonic()))
            call = gevent.spawn(self._ask, due, MIX[number % len(MIX)])
            running.add(call)
            call.rawlink(running.discard)
            number += 1
        stdin.join()
        gevent.joinall(list(running))

    def _until_stdin_ends(self) -> None:
        while gevent_os.tp_read(0, 100):
            pass
        self._is_over = True

    def _ask(self, due: float, what: str) -> None:
        method, _, path = what.partition(" ")
        body = b"" if method == "GET" else b"abcd"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        status, trouble, sock = 0, "", None
        try:
            sock = self._connection()
            sock.sendall(f"{what} HTTP/1.1\r\nHost: a\r\n{length}\r\n".encode() + body)
            head, body = _answer(sock)
            status = int(head[9:12])
            trouble = "" if status == 200 else _kind(body)
            if b"\r\nconnection: close" not in head.lower():
                self._idle.append(sock)
            else:
                sock.close()
        except OSError as error:
            trouble = repr(error)
            if sock is not None:
                sock.close()
        self.rows.append((due, time.monotonic() - due, status, what, trouble))

    def _connection(self) -> socket.socket:
        while self._idle:
            sock = self._idle.pop()
            if not has_ended(sock):
                return sock
            sock.close()
        return socket.create_connection(("127.0.0.1", self._port), PATIENCE)


def _answer(sock: socket.socket) -> tuple[bytes, bytes]:
    """(head, body)"""
    data = b""
    while (end := data.find(b"\r\n\r\n") + 4) < 4 or len(data) < end + _length(data[:end]):
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionResetError(f"ended after {len(data)} bytes of an answer")
        data += piece
    return data[:end], data[end:]


def _kind(body: bytes) -> str:
    """The kind of an error, as the problem document of a gateway names it (RFC 9457)."""
    found = re.search(rb'"type": ?"[^"]*?([a-z-]+)"', body)
    return found[1].decode() if found else "the balancer's own"


if __name__ == "__main__":
    load = Load(int(sys.argv[1]))
    load.run(float(sys.argv[2]))
    print(json.dumps(load.rows))
