"""A load of an exact number of requests: what is counted meanwhile is divided by it."""

from __future__ import annotations

import re
import selectors
import socket
from collections import Counter
from collections.abc import Sequence
from itertools import cycle

from perf.bodies import order
from perf.load import LoadFailed
from perf.scenario import Load

PATIENCE = 60.0  # seconds without any answer; a gateway under valgrind is 50 times slower
READ = 1 << 20
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.I)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.I)


def requests(load: Load, port: int, tokens: Sequence[str] = ()) -> list[bytes]:
    """What the load sends in turn, one request for each token."""
    body = order(load.body).encode() if load.json else b"x" * load.body
    lines = [f"{load.method} {load.path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"Accept-Encoding: {load.accept}"] if load.accept else []
    lines += [f"Content-Type: application/{'json' if load.json else 'octet-stream'}"] if body else []
    lines += [f"Content-Length: {len(body)}"] if body else []
    each = [[*lines, f"Authorization: Bearer {token}"] for token in tokens] or [lines]
    return ["\r\n".join(head).encode() + b"\r\n\r\n" + body for head in each]


def answer_size(data: bytes | bytearray) -> int:
    """The bytes of the first answer in `data`; 0 while it is not whole."""
    end = data.find(b"\r\n\r\n") + 4
    if end == 3:
        return 0
    head = bytes(data[:end])
    if CHUNKED.search(head):
        last = data.find(b"\r\n0\r\n\r\n", end - 2)
        return last + 7 if last >= 0 else 0
    length = LENGTH.search(head)
    size = end + (int(length[1]) if length else 0)
    return size if len(data) >= size else 0


class Client:
    """Kept-alive connections, each of which asks again as soon as it is answered."""

    def __init__(self, port: int, sent: Sequence[bytes], connections: int):
        self.sent = cycle(sent)
        self.selector = selectors.DefaultSelector()
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
        for each in self.sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(each, selectors.EVENT_READ, bytearray())
        self.statuses: Counter[str] = Counter()

    def run(self, count: int) -> None:
        """So many requests and their answers; nothing is under way before and after."""
        first = self.sockets[:count]
        for each in first:
            each.sendall(next(self.sent))
        unsent, awaited = count - len(first), len(first)
        while awaited:
            ready = self.selector.select(PATIENCE)
            if not ready:
                raise LoadFailed(f"{awaited} requests were not answered in {PATIENCE:g} s")
            for key, _ in ready:
                if not self._answered(key):
                    continue
                if unsent:
                    unsent -= 1
                    key.fileobj.sendall(next(self.sent))  # type: ignore[union-attr]
                else:
                    awaited -= 1

    def _answered(self, key: selectors.SelectorKey) -> bool:
        """Read; whether an answer became whole."""
        data: bytearray = key.data
        read = key.fileobj.recv(READ)  # type: ignore[union-attr]
        if not read:
            raise LoadFailed("the gateway closed a kept-alive connection")
        data.extend(read)
        size = answer_size(data)
        if size:
            self.statuses[data[9:12].decode()] += 1
            del data[:size]
        return size > 0

    def close(self) -> None:
        """End all connections."""
        self.selector.close()
        for each in self.sockets:
            each.close()
