"""An open-model load generator: requests leave at a fixed rate, whether or not the ones before have been answered.

Each latency is counted from the moment the request was due, so a stall of the server, or of this process, shows in
every request that had to wait because of it.  (A closed loop, as wrk's, stops asking while it waits and hides them.)
Run as a process of its own: `python -m perf.openloop --port N --rate R` prints one line of JSON.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import re
import select
import socket
import time
from array import array
from collections import deque
from dataclasses import asdict, dataclass

from perf.stats import percentile

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.I)
PR_SET_TIMERSLACK = 29
SHARES = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}


@dataclass(slots=True)
class Outcome:
    """What one run saw; times in milliseconds, `late_*` is how long after its due time a request was really sent."""

    rate: float
    sent: int
    answered: int
    failed: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    late_p99_ms: float


class Connection:
    """One keep-alive connection with at most one request on it."""

    __slots__ = ("buffer", "due", "socket")

    def __init__(self, address: tuple[str, int]):
        self.socket = socket.create_connection(address, 5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.buffer = b""
        self.due = 0.0

    def answered(self) -> bool | None:
        """Read what has come: True with a whole 2xx answer, None while it is incomplete, False when it failed."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return None
        except OSError:
            return False
        if not data:
            return False
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return None
        length = LENGTH.search(self.buffer, 0, head)
        if not length or self.buffer[9:10] != b"2":
            return False
        if len(self.buffer) < head + 4 + int(length.group(1)):
            return None
        self.buffer = b""
        return True


class Generator:
    """The schedule, the connections that carry it and what came back."""

    def __init__(self, address: tuple[str, int], path: str, connections: int):
        self.address = address
        self.request = f"GET {path} HTTP/1.1\r\nHost: perf\r\n\r\n".encode()
        self.poll = select.epoll()
        self.busy: dict[int, Connection] = {}
        self.free = [self._open() for _ in range(connections)]
        self.latencies = array("d")
        self.lateness = array("d")
        self.failed = 0

    def run(self, rate: float, seconds: float, patience: float = 10.0) -> Outcome:
        """Send rate * seconds requests, each at its time, and wait at most `patience` seconds for the last answers."""
        count, step = max(1, round(rate * seconds)), 1 / rate
        start = time.perf_counter() + 0.01
        waiting: deque[float] = deque()
        scheduled = 0
        while scheduled < count or waiting or self.busy:
            now = time.perf_counter()
            while scheduled < count and start + scheduled * step <= now:
                waiting.append(start + scheduled * step)
                scheduled += 1
            while waiting and self.free:
                self._send(self.free.pop(), waiting.popleft())
            end = start + (scheduled * step if scheduled < count else seconds + patience)
            pause = end - time.perf_counter()
            if scheduled == count and pause < 0:
                break
            self._receive(max(0.0, pause))
        self.failed += len(waiting) + len(self.busy)
        return self._outcome(rate, count)

    def close(self) -> None:
        """Close all connections."""
        for connection in [*self.free, *self.busy.values()]:
            connection.socket.close()
        self.poll.close()

    def _open(self) -> Connection:
        connection = Connection(self.address)
        self.poll.register(connection.socket.fileno(), select.EPOLLIN)
        return connection

    def _send(self, connection: Connection, due: float) -> None:
        connection.due = due
        self.busy[connection.socket.fileno()] = connection
        self.lateness.append(time.perf_counter() - due)
        try:
            connection.socket.send(self.request)
        except OSError:
            self._fail(connection)

    def _receive(self, pause: float) -> None:
        # PERF: epoll waits in whole milliseconds, select in microseconds; so select waits, on the epoll's descriptor.
        if not select.select([self.poll.fileno()], (), (), pause)[0]:
            return
        for fd, _ in self.poll.poll(0):
            connection = self.busy.get(fd)
            if connection is None:  # closed, or spoken on, while it was idle
                self._replace(next(c for c in self.free if c.socket.fileno() == fd))
                continue
            answered = connection.answered()
            if answered:
                self.latencies.append(time.perf_counter() - connection.due)
                self.free.append(self.busy.pop(fd))
            elif answered is False:
                self._fail(connection)

    def _fail(self, connection: Connection) -> None:
        self.failed += 1
        self.free.append(self.busy.pop(connection.socket.fileno()))
        self._replace(connection)

    def _replace(self, idle: Connection) -> None:
        self.free.remove(idle)
        idle.socket.close()
        self.free.append(self._open())

    def _outcome(self, rate: float, sent: int) -> Outcome:
        if not self.latencies:
            raise SystemExit(f"openloop: none of {sent} requests to port {self.address[1]} was answered")
        took, late = sorted(self.latencies), sorted(self.lateness)
        at = {name: round(percentile(took, share) * 1e3, 4) for name, share in SHARES.items()}
        late_p99_ms = round(percentile(late, 0.99) * 1e3, 4)
        return Outcome(rate, sent, len(took), self.failed, **at, late_p99_ms=late_p99_ms)


def main() -> None:
    """Run once and print the outcome."""
    options = argparse.ArgumentParser(prog="perf.openloop", description="Load at a fixed rate.")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--path", default="/v1/items/42")
    options.add_argument("--rate", type=float, required=True, help="requests per second")
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--connections", type=int, default=64)
    given = options.parse_args()
    # NOTE: the kernel may wake a timer 50 us late to save power; that would be counted as the gateway's latency.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    gc.disable()
    try:
        generator = Generator(("127.0.0.1", given.port), given.path, given.connections)
        print(json.dumps(asdict(generator.run(given.rate, given.seconds))))
    except OSError as error:
        raise SystemExit(f"openloop: port {given.port}: {error}") from None


if __name__ == "__main__":
    main()
