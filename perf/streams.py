"""Large bodies against a slow reader: a client that takes its time, and an upstream that does."""

from __future__ import annotations

import re
import socket
import threading
import time

CHUNK = 65536
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.I)


class StreamBroken(Exception):
    """A body that ended early, or an answer that is none."""


def read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    """(head, what came of the body with it); both empty when the other side has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(CHUNK)
        if not more:
            return b"", b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def body_length(head: bytes) -> int:
    """The Content-Length of a head, 0 without one."""
    found = LENGTH.search(head)
    return int(found.group(1)) if found else 0


def drain(connection: socket.socket, size: int, bytes_per_second: float) -> None:
    """Read `size` bytes, never ahead of the pace."""
    start, got = time.perf_counter(), 0
    buffer = bytearray(CHUNK)
    while got < size:
        count = connection.recv_into(buffer, min(CHUNK, size - got))
        if not count:
            raise StreamBroken(f"the body ended after {got} of {size} bytes")
        got += count
        ahead = start + got / bytes_per_second - time.perf_counter()
        if ahead > 0.001:
            time.sleep(ahead)  # the pace itself: the slow reader is what is being played


def download(port: int, path: str, size: int, bytes_per_second: float) -> None:
    """GET `size` bytes slowly."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        # NOTE: a small window, so that the bytes wait in the gateway or before it, not in our kernel buffer.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262144)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: perf\r\n\r\n".encode())
        head, rest = read_head(connection)
        if head[9:12] != b"200":
            raise StreamBroken(f"the answer was {head[:80]!r}")
        drain(connection, size - len(rest), bytes_per_second)


def upload(port: int, path: str, size: int) -> None:
    """POST `size` bytes as fast as they are taken."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: perf\r\nContent-Length: {size}\r\n\r\n".encode())
        block = memoryview(bytes(CHUNK))
        for sent in range(0, size, CHUNK):
            connection.sendall(block[: min(CHUNK, size - sent)])
        head, _ = read_head(connection)
        if head[9:10] != b"2":
            raise StreamBroken(f"the answer was {head[:80]!r}")


class Accepting:
    """Listens on a port of 127.0.0.1 and gives each connection a thread of `serve`."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self, connection: socket.socket) -> None:
        """One connection, to its end."""
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()


class SlowSink(Accepting):
    """An upstream that reads every body at a steady pace, drops it, and answers 204 when it has come whole."""

    def __init__(self, bytes_per_second: float):
        self.pace = bytes_per_second
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        """Read what comes, slowly."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262144)
        with connection:
            try:
                while True:
                    head, rest = read_head(connection)
                    if not head:
                        return
                    drain(connection, body_length(head) - len(rest), self.pace)
                    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            except (OSError, StreamBroken):
                return
