"""A fake upstream on a real loopback socket that plays raw bytes, and an exchange to hold against it."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import gevent
from gevent.server import StreamServer

from gateway._fast.channel import Channel
from gateway._fast.http1_client import Answer, WireError, talk
from gateway.exchange import Exchange
from tests.support.ports import free_port

Script = Callable[["Side"], None]
RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"


class Side:
    """The upstream's end of one connection."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        self.seen = b""

    def until(self, mark: bytes = b"\r\n\r\n") -> bytes:
        """Read until `mark` was seen; what was read up to and with it."""
        while mark not in self.seen:
            got = self.sock.recv(65536)
            if not got:
                break
            self.seen += got
        cut = self.seen.find(mark) + len(mark) if mark in self.seen else len(self.seen)
        head, self.seen = self.seen[:cut], self.seen[cut:]
        return head

    def exactly(self, size: int) -> bytes:
        while len(self.seen) < size:
            got = self.sock.recv(65536)
            if not got:
                break
            self.seen += got
        body, self.seen = self.seen[:size], self.seen[size:]
        return body

    def rest(self) -> bytes:
        """All that comes until the other end closes."""
        try:
            while got := self.sock.recv(65536):
                self.seen += got
        except OSError:
            pass
        return self.seen

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def dribble(self, data: bytes) -> None:
        """Send byte by byte, each in a packet of its own."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(data)):
            self.sock.sendall(data[at : at + 1])
            gevent.sleep(0)

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()


class FakeUpstream:
    """Plays one script per connection, in order; the last one again and again. `errors` of scripts fail the test."""

    def __init__(self, *scripts: Script, family: str = "127.0.0.1") -> None:
        self.scripts = scripts
        self.connections = 0
        self.errors: list[BaseException] = []
        self.server = StreamServer((family, free_port()), self.serve)
        self.server.start()
        self.port = self.server.server_port

    def serve(self, sock: Any, _address: Any) -> None:
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        try:
            script(Side(sock))
        except OSError:
            pass
        except Exception as error:
            self.errors.append(error)

    def stop(self) -> None:
        self.server.stop()
        if self.errors:
            raise self.errors[0]


class Owner:
    """What stands in for a pooled connection."""

    def __init__(self, port: int) -> None:
        self.channel = Channel(socket.create_connection(("127.0.0.1", port)))
        self.default_host = "up.example"
        self.released: list[bool] = []

    def release(self, keep: bool) -> None:
        self.released.append(keep)


def exchange(
    method: str = "GET",
    target: str = "/",
    headers: Sequence[tuple[str, str]] = (("Host", "a.example"),),
    body: bytes | None = None,
    **more: Any,
) -> Exchange:
    """An Exchange as the server makes it."""
    made = Exchange(method, target, list(headers), {}, monotonic())
    made.scheme, made.version, made.request_id = "http", "1.1", "req-1"
    made.peer = made.client = "192.0.2.1"
    made.authority = next((value for name, value in headers if name.lower() == "host"), "")
    made.trusted = False
    made.deadline = monotonic() + 20
    if body is not None:
        made.body, made.body_length = io.BytesIO(body), len(body)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def start(owner: Owner, asked: Exchange, read_timeout: float = 5.0, piece: int = 65536) -> Answer:
    """Talk as HttpUpstream does."""
    first = asked.body.read(piece) if asked.body_length and asked.body else b""
    return talk(asked, owner, read_timeout, asked.deadline, first, lambda error: error)


def body_of(answer: Answer) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)


def ask(script: Script, asked: Exchange | None = None, **more: Any) -> tuple[Answer | WireError, bytes, Owner]:
    """One exchange with an upstream that plays `script`: (answer or error, body, owner)."""
    upstream = FakeUpstream(script)
    owner = Owner(upstream.port)
    try:
        try:
            answer = start(owner, asked or exchange(), **more)
            return answer, body_of(answer), owner
        except WireError as error:
            return error, b"", owner
    finally:
        owner.channel.close()
        upstream.stop()


def sent_for(asked: Exchange, **more: Any) -> bytes:
    """The bytes of the request that the upstream sees for `asked`."""
    seen: list[bytes] = []

    def script(side: Side) -> None:
        seen.append(side.until())
        length = next((int(line[15:]) for line in seen[0].split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
        if b"\r\nTransfer-Encoding: chunked\r\n" in seen[0]:
            seen.append(side.until(b"0\r\n\r\n"))
        elif length:
            seen.append(side.exactly(length))
        side.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    answer, _, _ = ask(script, asked, **more)
    if isinstance(answer, WireError):
        raise answer
    return b"".join(seen)
