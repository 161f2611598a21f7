"""An upstream that takes anything and always says the same, as cheaply as Python can: what stands in for services.

One process and one core, no more; several share a port (SO_REUSEPORT).  It reads no more of HTTP/1.1 than it has to of
a client that is the gateway.
"""

from __future__ import annotations

import argparse
import gc
import re
import select
import socket
import sys

from gateway.tuning.processes import end_with_parent

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.I)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.I)
BACKLOG = 1024
#: bytes that one connection may have sent without making up a request
LARGEST = 64 << 20


def answer_of(size: int) -> bytes:
    """A whole answer with a JSON body of `size` bytes; the smallest is 2."""
    body = b'{"pad":"' + b"x" * (size - 10) + b'"}' if size > 10 else b"{}"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


def whole(data: bytes) -> int:
    """How many bytes the first request in `data` has; 0 while it is incomplete."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return 0
    length = LENGTH.search(data, 0, head)
    if length:
        end = head + 4 + int(length.group(1))
        return end if len(data) >= end else 0
    if CHUNKED.search(data, 0, head):
        end = data.find(b"0\r\n\r\n", head + 4)
        return end + 5 if end >= 0 else 0
    return head + 4


class Echo:
    """Its connections, and what has come on those that are in the middle of a request."""

    def __init__(self, listener: socket.socket, size: int) -> None:
        self._answer = answer_of(size)
        self._listener = listener
        self._poll = select.epoll()
        self._open: dict[int, socket.socket] = {}
        self._halves: dict[int, bytes] = {}
        listener.setblocking(False)
        self._poll.register(listener.fileno(), select.EPOLLIN)

    def serve(self) -> None:
        """Serve until the process is ended."""
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._listener.fileno():
                    self._accept()
                else:
                    self._read(fd)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:  # another process of this port took it, or it went away
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open[client.fileno()] = client
        self._poll.register(client.fileno(), select.EPOLLIN)

    def _read(self, fd: int) -> None:
        client = self._open[fd]
        try:
            data = client.recv(262144)
        except OSError:
            data = b""
        if not data:
            self._drop(fd)
            return
        if fd in self._halves:
            data = self._halves.pop(fd) + data
        while size := whole(data):
            data = data[size:]
            try:
                client.sendall(self._answer)
            except OSError:
                self._drop(fd)
                return
        if len(data) > LARGEST:
            self._drop(fd)
        elif data:
            self._halves[fd] = data

    def _drop(self, fd: int) -> None:
        self._halves.pop(fd, None)
        self._open.pop(fd).close()


def main() -> int:
    """Serve on 127.0.0.1 and a port of the system's choice, or the one that is named; it is printed first."""
    end_with_parent()
    options = argparse.ArgumentParser(prog="gateway.tuning.echo_server")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--size", type=int, default=1000)
    given = options.parse_args()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", given.port))
        listener.listen(BACKLOG)
        print(listener.getsockname()[1], flush=True)
        gc.freeze()
        Echo(listener, given.size).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
