"""An upstream of its own process that fails on demand: `Faulty` starts it, tells it how to behave and asks what came.

Run as `python -m tests.support.faulty PORT SECONDS PLACES`; a line on its stdin is a mode, or `?` for what it saw.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from typing import IO

import gevent
from gevent import socket as cooperative
from gevent.lock import BoundedSemaphore
from gevent.server import StreamServer

from tests.support.gateway import ROOT, free_port

#: seconds of the mode `slow`, and of each half of `flapping`
SLOW = 0.3
FLAP = 0.4
ANSWER = b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
RESET = b"\x01\0\0\0\0\0\0\0"


class Faulty:
    """One upstream process. Modes: ok, blackhole (never answers), reset, 500, 503, slow, flapping (ok and reset)."""

    def __init__(self, *, seconds: float = 0.002, places: int = 1000) -> None:
        """Each answer takes `seconds`, and there are `places` to work on one at once."""
        self.port = free_port()
        self._service = (str(seconds), str(places))
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Faulty:
        """Start the process, on the same port each time; it is `ok`."""
        command = [sys.executable, "-m", "tests.support.faulty", str(self.port), *self._service]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._line(self._process.stdout) == "ready"
        return self

    def set(self, mode: str) -> None:
        """Behave like this from now on."""
        self._tell(mode)

    def seen(self) -> list[float]:
        """When (monotonic seconds) each request came since it was last asked, those for /healthz left out."""
        answer: list[float] = json.loads(self._tell("?"))
        return answer

    def kill(self) -> None:
        """End the process at once; its port refuses connections."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @property
    def target(self) -> str:
        """http://127.0.0.1:port"""
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """127.0.0.1:port"""
        return f"127.0.0.1:{self.port}"

    def _tell(self, line: str) -> str:
        process = self._process
        assert process is not None and process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return self._line(process.stdout)

    def _line(self, stream: IO[str] | None) -> str:
        assert stream is not None
        line = stream.readline().rstrip("\n")
        assert line, "the upstream ended"
        return line


class Behaviour:
    """What the process does with each request."""

    def __init__(self, seconds: float, places: int) -> None:
        self.mode = "ok"
        self.seen: list[float] = []
        self._seconds = seconds
        self._places = BoundedSemaphore(places)

    def serve(self, sock: cooperative.socket, _: object) -> None:
        """One connection."""
        received = b""
        try:
            while True:
                while b"\r\n\r\n" not in received:
                    data = sock.recv(65536)
                    if not data:
                        return
                    received += data
                head, _, received = received.partition(b"\r\n\r\n")
                is_check = head.startswith(b"GET /healthz ")
                if not is_check:
                    self.seen.append(time.monotonic())
                if not self._answer(sock, is_check):
                    return
        except OSError:
            pass
        finally:
            sock.close()

    def _answer(self, sock: cooperative.socket, is_check: bool) -> bool:
        mode = self.mode
        if mode == "flapping":
            mode = "ok" if int(time.monotonic() / FLAP) % 2 else "reset"
        if mode == "blackhole":
            gevent.sleep(60.0)
            return False
        if mode == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return False
        if mode == "slow":
            gevent.sleep(SLOW)
        elif not is_check and mode == "ok":
            with self._places:
                gevent.sleep(self._seconds)
        sock.sendall(ANSWER % {"500": b"500 Broken", "503": b"503 Busy"}.get(mode, b"200 OK"))
        return True


def main() -> None:
    """Serve until stdin ends."""
    port, seconds, places = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    behaviour = Behaviour(seconds, places)
    server = StreamServer(("127.0.0.1", port), behaviour.serve, backlog=4096)
    server.start()
    print("ready", flush=True)
    pool = gevent.get_hub().threadpool
    while line := pool.apply(sys.stdin.readline).strip():
        if line == "?":
            seen, behaviour.seen = behaviour.seen, []
            print(json.dumps(seen), flush=True)
        else:
            behaviour.mode = line
            print("done", flush=True)


if __name__ == "__main__":
    main()
