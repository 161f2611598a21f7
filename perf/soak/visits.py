"""What clients of a soak do: each visit is short, opens what it needs and leaves nothing behind."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from perf.soak.setting import token

PATIENCE: Final = 10.0
_RESET: Final = struct.pack("ii", 1, 0)
#: how many different callers and items there are: few enough that all are known before anybody judges
CALLERS, ITEMS = 50, 3_000


class Unexpected(Exception):
    """An answer that should not have been."""


class Plan(NamedTuple):
    """Which configuration serves, or is just being put in place."""

    number: int = 0
    is_changing: bool = False


@dataclass
class Visitor:
    """Who visits; `chance` is its own."""

    port: int
    chance: random.Random
    plan: Callable[[], Plan]
    #: whether nobody waits for all to leave
    may_stay: Callable[[], bool] = lambda: True
    asked: int = 0

    def several(self, most: int) -> Iterator[int]:
        """For so many requests on a connection, fewer where all shall leave."""
        for number in range(self.chance.randrange(1, most)):
            if number and not self.may_stay():
                break
            yield number

    @contextlib.contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """A connection; it ends orderly, or now and then with a reset."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
            yield sock
            if self.chance.random() < 0.2:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def ask(self, sock: socket.socket, path: str, *fields: str, allowed: tuple[int, ...] = (200,)) -> int:
        """One request on a connection that goes on; its status. Raises Unexpected."""
        sock.sendall("\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *fields, "", ""]).encode())
        return self.answer(sock, path, allowed)

    def answer(self, sock: socket.socket, path: str, allowed: tuple[int, ...] = (200,)) -> int:
        """The status of the next answer, once its body was read."""
        self.asked += 1
        with sock.makefile("rb") as stream:
            status, length, is_chunked = _head(stream)
            if status not in allowed:
                raise Unexpected(f"{path}: {status}")
            while is_chunked and (size := int(stream.readline(100) or b"0", 16)):
                stream.read(size + 2)
            if is_chunked:
                stream.readline(100)
            if len(stream.read(length)) < length and 502 not in allowed:
                raise Unexpected(f"{path}: the body is cut")
        return status


def _head(stream: BinaryIO) -> tuple[int, int, bool]:
    """(status, length, whether the body is chunked)"""
    first = stream.readline(8192)
    length, is_chunked = 0, False
    while (line := stream.readline(8192)) not in (b"\r\n", b""):
        name, _, value = line.lower().partition(b":")
        length = int(value) if name == b"content-length" else length
        is_chunked = is_chunked or (name == b"transfer-encoding" and b"chunked" in value)
    return int(first[9:12] or 0), length, is_chunked


def keep_alive(visitor: Visitor) -> None:
    """Some requests on one connection, from another address each, with pauses."""
    chance = visitor.chance
    with visitor.connected() as sock:
        for _ in visitor.several(12):
            address = f"X-Forwarded-For: 10.1.{chance.randrange(40)}.{chance.randrange(50)}"
            visitor.ask(sock, f"/ok/{chance.randrange(10**6)}", address)
            if chance.random() < 0.1:
                time.sleep(0.02)


def slow_head(visitor: Visitor) -> None:
    """A head that comes in small pieces, and does not always end."""
    head = b"GET /ok/slow HTTP/1.1\r\nHost: a\r\nX-Slow: " + b"s" * 40 + b"\r\n\r\n"
    ends = visitor.chance.random() < 0.7
    with visitor.connected() as sock:
        for start in range(0, len(head) if ends else 40, 10):
            sock.sendall(head[start : start + 10])
            time.sleep(0.003)
        if ends:
            visitor.answer(sock, "/ok/slow")


def slow_reader(visitor: Visitor) -> None:
    """An answer that is taken in small pieces, or left in the middle."""
    path = visitor.chance.choice(("/big/one", "/drip/one"))
    coding = ["Accept-Encoding: gzip"] if visitor.chance.random() < 0.5 else []
    with visitor.connected() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        if visitor.chance.random() < 0.5:
            visitor.ask(sock, path, *coding)
            return
        sock.sendall("\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *coding, "", ""]).encode())
        for _ in range(visitor.chance.randrange(1, 8)):
            if not select.select([sock], [], [], 0.1)[0]:
                break  # it was all there is
            sock.recv(4096)
            time.sleep(0.003)


def upload(visitor: Visitor) -> None:
    """A body that goes up in pieces, or is left in the middle."""
    size = visitor.chance.randrange(1_000, 120_000)
    ends = visitor.chance.random() < 0.7
    with visitor.connected() as sock:
        sock.sendall(f"POST /ok/up HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode())
        sock.sendall(b"u" * (size if ends else size // 2))
        if ends:
            visitor.answer(sock, "/ok/up")


def faults(visitor: Visitor) -> None:
    """An upstream that fails in one of its ways."""
    kind = visitor.chance.choices(("cut", "reset", "500", "late"), (3, 3, 3, 1))[0]
    allowed = {"cut": (200, 502), "reset": (502,), "500": (500,), "late": (504,)}[kind]
    with visitor.connected() as sock, contextlib.suppress(ConnectionResetError):  # how an answer ends that is cut
        visitor.ask(sock, f"/fault/{kind}", allowed=(*allowed, 502, 503, 504))


def callers(visitor: Visitor) -> None:
    """Tokens of many callers, good ones and bad ones; while the secret changes, good ones may be refused."""
    chance = visitor.chance
    with visitor.connected() as sock:
        for _ in visitor.several(12):
            before, bad = visitor.plan(), chance.random() < 0.1
            shown = token(chance.randrange(CALLERS), before.number, is_over=bad)
            if bad and chance.random() < 0.5:
                shown = shown[: len(shown) // 2]
            status = visitor.ask(sock, "/mine/a", f"Authorization: Bearer {shown}", allowed=(200, 401))
            if (status == 401) != bad and (before.is_changing or visitor.plan() != before) is False:
                raise Unexpected(f"/mine/a: {status} for a {'bad' if bad else 'good'} token")


def items(visitor: Visitor) -> None:
    """What is kept: few things often, many seldom."""
    chance = visitor.chance
    with visitor.connected() as sock:
        for _ in visitor.several(20):
            visitor.ask(sock, f"/item/{int(ITEMS * chance.random() ** 3)}")


def leak(visitor: Visitor) -> None:
    """Two requests to what leaks."""
    with visitor.connected() as sock:
        for _ in range(2):
            visitor.ask(sock, "/leak")


MIX: Final = (keep_alive, slow_head, slow_reader, upload, faults, callers, items)
