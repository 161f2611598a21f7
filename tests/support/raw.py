"""Bytes in, bytes out: a client that sends what it is told, and an upstream that answers what it is told."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator

from tests.support.ports import free_port

#: seconds; the machine may have much else to do
PATIENCE = 30.0


def has_ended(sock: socket.socket) -> bool:
    """Whether a kept connection was closed by the other end, which may do so to one that is idle (RFC 9112 9.5)."""
    look = select.poll()
    look.register(sock.fileno(), select.POLLIN)
    return bool(look.poll(0))


class Client:
    """A TCP client without opinions."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), PATIENCE)
        self.received = b""

    def send(self, data: bytes) -> Client:
        """Send all of it; what the other end refuses to take is not an error here."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)
        return self

    def until(self, mark: bytes) -> bytes:
        """Everything up to and with `mark`; AssertionError when the connection ends before."""
        while mark not in self.received:
            data = self.socket.recv(65536)
            assert data, f"ended before {mark!r}: {self.received!r}"
            self.received += data
        cut = self.received.index(mark) + len(mark)
        found, self.received = self.received[:cut], self.received[cut:]
        return found

    def exactly(self, size: int) -> bytes:
        """The next `size` bytes."""
        while len(self.received) < size:
            data = self.socket.recv(65536)
            assert data, f"ended after {len(self.received)} of {size} bytes"
            self.received += data
        found, self.received = self.received[:size], self.received[size:]
        return found

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """(status, lower-case headers, body) of one answer framed by Content-Length or chunks; 1xx are passed over."""
        head = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        if status < 200:
            return self.answer()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, b"".join(self._chunks())
        return status, headers, self.exactly(int(headers.get("content-length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.until(b"\r\n").split(b";")[0], 16):
            yield self.exactly(size)
            self.until(b"\r\n")
        self.until(b"\r\n")

    def rest(self) -> bytes:
        """Everything up to the end of the connection; ConnectionResetError when it was broken off."""
        data, self.received = self.received, b""
        while piece := self.socket.recv(65536):
            data += piece
        return data

    def has_ended(self) -> bool:
        """See has_ended."""
        return has_ended(self.socket)

    def is_open(self) -> bool:
        """Whether another request on this connection is answered."""
        try:
            self.received = b""
            self.send(b"GET /still-there HTTP/1.1\r\nHost: a\r\n\r\n")
            return self.socket.recv(65536) != b""
        except ConnectionResetError:
            return False

    def close(self) -> None:
        """Close it (FIN)."""
        self.socket.close()

    def reset(self) -> None:
        """Break it off (RST)."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()


class Upstream:
    """A server on a real socket whose every connection is handled by `play(connection)` in a thread.

    Its port stays its own when it is closed: nobody answers there until there is another one with that number.
    """

    def __init__(self, play: Callable[[Connection], None], host: str = "127.0.0.1", port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.port = port or free_port()
        self._listener = socket.create_server((host, self.port), family=family, backlog=1024)
        self.connections: list[Connection] = []
        self._play = play
        self._lock = threading.Lock()
        self._is_closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(sock)
            with self._lock:
                if self._is_closed:
                    connection.end()
                    return
                self.connections.append(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: Connection) -> None:
        with contextlib.suppress(OSError, EOFError), connection.socket:
            self._play(connection)
        connection.ended.set()

    @property
    def url(self) -> str:
        """http://127.0.0.1:port"""
        return f"http://127.0.0.1:{self.port}"

    def received(self) -> bytes:
        """Everything that came over all connections."""
        return b"".join(connection.received for connection in self.connections)

    def close(self) -> None:
        """Stop accepting and close what is open."""
        with self._lock:
            self._is_closed = True
        # NOTE: a thread that waits for a socket holds it open, and would take one more client, until it is woken.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            connection.end()


class Connection:
    """One connection of an Upstream."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.socket.settimeout(PATIENCE)
        self.received = b""
        self.ended = threading.Event()
        self._read = 0

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.received += data

    def request(self) -> tuple[bytes, bytes]:
        """(head, decoded body) of the next request."""
        while b"\r\n\r\n" not in self.received[self._read :]:
            self._more()
        end = self.received.index(b"\r\n\r\n", self._read) + 4
        head = self.received[self._read : end]
        self._read = end
        fields = head.lower()
        if b"\r\ntransfer-encoding: chunked" in fields:
            return head, self._chunked()
        length = int(fields.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0] or 0)
        return head, self._take(length)

    def _take(self, size: int) -> bytes:
        while len(self.received) < self._read + size:
            self._more()
        self._read += size
        return self.received[self._read - size : self._read]

    def _line(self) -> bytes:
        while b"\r\n" not in self.received[self._read :]:
            self._more()
        end = self.received.index(b"\r\n", self._read)
        return self._take(end + 2 - self._read)[:-2]

    def _chunked(self) -> bytes:
        body = b""
        while size := int(self._line(), 16):
            body += self._take(size)
            self._line()
        while self._line():
            pass
        return body

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def end(self) -> None:
        """Close it, whoever waits for it. Safe to call twice."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def echo(connection: Connection) -> None:
    """Answer every request with what was received, as text."""
    while True:
        head, body = connection.request()
        told = head + body
        connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(told)
            + (b"" if head.startswith(b"HEAD ") else told)
        )
