"""A load generator in one process: at a fixed rate (open model), or as fast as answers come (closed model).

Open: requests leave when they are due, whether or not the ones before have been answered, and each latency is counted
from the moment a request was due.  So a stall of the server, or of this process, shows in every request that had to
wait because of it.  Closed: each connection asks again as soon as it was answered; that finds how much a server can do
with so many requests in flight, and its latencies say how long the queue was.
"""

from __future__ import annotations

import re
import select
import socket
import time
from array import array
from collections import deque

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.I)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.I)
LAST = re.compile(rb"\r\nconnection:[ \t]*close", re.I)
#: seconds for a connection to be made
CONNECT = 5.0


class Connection:
    """One keep-alive connection with at most one request on it."""

    __slots__ = ("buffer", "due", "is_last", "socket", "unsent")

    def __init__(self, address: tuple[str, int]):
        self.socket = socket.create_connection(address, CONNECT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.buffer = self.unsent = b""
        self.due = 0.0
        self.is_last = False

    def answered(self) -> int | None:
        """Read what has come: the status of a whole answer, None while it is incomplete, 0 when there will be none."""
        try:
            data = self.socket.recv(262144)
        except BlockingIOError:
            return None
        except OSError:
            return 0
        if not data:
            return 0
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return None
        status = self.buffer[9:12]
        if not status.isdigit():
            return 0
        whole = self._is_whole(head, status)
        if whole is None:
            return 0
        if not whole:
            return None
        self.is_last = LAST.search(self.buffer, 0, head + 2) is not None
        self.buffer = b""
        return int(status)

    def _is_whole(self, head: int, status: bytes) -> bool | None:
        """None when nobody can know (RFC 9112 section 6.3)."""
        length = LENGTH.search(self.buffer, 0, head)
        if length:
            return len(self.buffer) >= head + 4 + int(length.group(1))
        if CHUNKED.search(self.buffer, 0, head):
            return self.buffer.endswith(b"\r\n0\r\n\r\n")
        return True if status in (b"204", b"304") else None


class Generator:
    """The schedule, the connections that carry it and what came back.

    `accept` holds the first digits of the statuses that count as answered.  `latencies` and `lateness` are in seconds.
    """

    def __init__(self, address: tuple[str, int], request: bytes, connections: int, accept: str = "2"):
        self.address = address
        self.request = request
        self.accept = accept
        self.poll = select.epoll()
        self.busy: dict[int, Connection] = {}
        self.latencies = array("d")
        self.lateness = array("d")
        self.refused: dict[int, int] = {}
        self.failed = 0
        self._is_fresh = False
        self.free = [self._open() for _ in range(connections)]

    def run_open(self, rate: float, seconds: float, patience: float = 10.0) -> int:
        """Send rate * seconds requests, each at its time, and wait at most `patience` seconds for the last answers.

        Gives how many were to be sent; what was never answered has failed.
        """
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
        return count

    def run_closed(self, seconds: float, *, fresh: bool = False) -> float:
        """Ask on every connection, again and again; the seconds that it took.  `fresh`: a new connection each time.

        Requests that are under way at the end are left out.
        """
        self._is_fresh = fresh
        start = now = time.perf_counter()
        while now < start + seconds:
            while self.free:
                self._send(self.free.pop(), time.perf_counter())
            self._receive(start + seconds - now)
            now = time.perf_counter()
        return now - start

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
        self._write(connection, self.request)

    def _write(self, connection: Connection, data: bytes) -> None:
        """As much as goes out at once; the rest of a large body when there is room again."""
        try:
            sent = connection.socket.send(data)
        except OSError:
            self._fail(connection)
            return
        if sent < len(data) or connection.unsent:
            connection.unsent = data[sent:]
            events = select.EPOLLIN | (select.EPOLLOUT if connection.unsent else 0)
            self.poll.modify(connection.socket.fileno(), events)

    def _receive(self, pause: float) -> None:
        # PERF: epoll waits in whole milliseconds, select in microseconds; so select waits, on the epoll's descriptor
        # (bench: perf latency).
        if not select.select([self.poll.fileno()], (), (), max(0.0, pause))[0]:
            return
        for fd, events in self.poll.poll(0):
            connection = self.busy.get(fd)
            if connection is None:  # closed, or spoken on, while it was idle
                self._replace(next(c for c in self.free if c.socket.fileno() == fd))
                continue
            if events == select.EPOLLOUT:
                self._write(connection, connection.unsent)
                continue
            status = connection.answered()
            if status is not None:
                self._take(fd, connection, status)

    def _take(self, fd: int, connection: Connection, status: int) -> None:
        if not status:
            self._fail(connection)
            return
        if str(status)[0] in self.accept:
            self.latencies.append(time.perf_counter() - connection.due)
        else:
            self.failed += 1
            self.refused[status] = self.refused.get(status, 0) + 1
        self.free.append(self.busy.pop(fd))
        if connection.is_last or self._is_fresh or connection.unsent:  # answered before all of it was sent
            self._replace(connection)

    def _fail(self, connection: Connection) -> None:
        self.failed += 1
        self.free.append(self.busy.pop(connection.socket.fileno()))
        self._replace(connection)

    def _replace(self, idle: Connection) -> None:
        self.free.remove(idle)
        idle.socket.close()
        self.free.append(self._open())
