"""The connection loop with an app behind it, in this process; whatever goes wrong in it is caught."""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent import socket

from gateway._fast.http1_head import Limits
from gateway._fast.http1_server import Server, Settings
from gateway.errors import KINDS, GatewayError
from gateway.server.listener import Listener
from tests.fuzz.judge import Wrong, answers, compare
from tests.fuzz.mutate import CORPUS, corpus, cut, mutated
from tests.oracles import head_oracle, http1_oracle

BY_SLUG = {kind.slug: kind for kind in KINDS}
LIMITS = http1_oracle.Limits(head_oracle.Limits(500, 400, 20), 4000)
#: seconds of every timeout: a client that leaves its connection open is served no longer
PATIENCE = 0.3
#: seconds within which every connection must have ended: the timeouts of a head and a body, and the loop's lingering
LONGEST = 4.0
PROBE = b"GET /probe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def failure(slug: str, detail: str) -> GatewayError:
    """What the worker makes of a body that cannot be read."""
    return GatewayError(BY_SLUG[slug], detail)


class Log(logging.Handler):
    """Everything that was logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.lines.append(logging.Formatter().format(record))


@dataclass(frozen=True)
class Talk:
    """What came of one connection: whole requests that the app saw, methods of all its calls, bytes that came back."""

    seen: list[tuple[str, str, bytes]]
    methods: list[str]
    received: bytes
    orderly: bool


@dataclass
class Score:
    """What a run came to."""

    cases: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    wrong: list[tuple[bytes, str]] = field(default_factory=list)


class Arena:
    """A Listener on loopback. Use as a context manager."""

    def __init__(self) -> None:
        self.seen: dict[str, list[tuple[str, str, bytes]]] = {}
        self.methods: dict[str, list[str]] = {}
        self.log = Log()
        self.hub_errors: list[str] = []

    def __enter__(self) -> Arena:
        hub = gevent.get_hub()
        self._handle_error = hub.handle_error
        hub.handle_error = lambda context, *error: self.hub_errors.append(repr(error))
        logging.getLogger("gateway").addHandler(self.log)
        head = LIMITS.head
        settings = Settings(Limits(head.first_line, head.line, head.lines), PATIENCE, PATIENCE, PATIENCE, LIMITS.body)
        self._socket = socket.socket()  # gevent's own, as it is in a worker
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(128)
        self.address = self._socket.getsockname()
        self.listener = Listener(self._socket, Server(self.app, settings, failure), 1000)
        self.listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.stop()
        self._socket.close()
        logging.getLogger("gateway").removeHandler(self.log)
        gevent.get_hub().handle_error = self._handle_error

    def app(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes] | Iterator[bytes]:
        """Read the whole body, say keep which request it was; half of the answers are streams."""
        self.methods.setdefault(environ["REMOTE_PORT"], []).append(environ["REQUEST_METHOD"])
        try:
            if "gateway.refusal" in environ:
                raise failure(*environ["gateway.refusal"])
            if environ["gateway.head"].length > LIMITS.body:
                raise failure("body-too-large", "")
            body = environ["wsgi.input"].read()
        except GatewayError as error:
            start_response(f"{error.kind.status} {error.kind.title}", [])
            return [b"no"]
        requests = self.seen.setdefault(environ["REMOTE_PORT"], [])
        requests.append((environ["REQUEST_METHOD"], environ["RAW_URI"], body))
        start_response("200 OK", [])
        is_whole = len(requests) % 2 or environ["SERVER_PROTOCOL"] == "HTTP/1.0"
        return [b"yes"] if is_whole else iter([b"y", b"es" * 100])

    def talk(self, data: bytes, chance: random.Random) -> Talk:
        """One connection: say something, then no more, and listen to its end."""
        with socket.socket() as client:
            client.settimeout(LONGEST)
            client.connect(self.address)
            name = str(client.getsockname()[1])
            self.seen.pop(name, None)
            self.methods.pop(name, None)
            received, orderly = b"", True
            try:
                for piece in cut(data, chance):
                    client.sendall(piece)
                    gevent.sleep(0)
                client.shutdown(socket.SHUT_WR)
                while piece := client.recv(65536):
                    received += piece
            except (ConnectionResetError, BrokenPipeError):
                orderly = False
            except TimeoutError:
                raise Wrong("the connection does not end") from None
        return Talk(self.seen.pop(name, []), self.methods.pop(name, []), received, orderly)

    def leave(self, data: bytes, chance: random.Random) -> None:
        """Say something and go away, one way or another, without an ear for the answer."""
        client = socket.create_connection(self.address)
        try:
            client.sendall(data[: chance.randint(0, len(data))])
            if chance.random() < 0.5:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        except OSError:
            pass
        client.close()

    def one(self, data: bytes, chance: random.Random) -> list[int]:
        """Send one input and judge; the statuses that came back."""
        talk = self.talk(data, chance)
        if not talk.orderly:
            raise Wrong(f"the connection was broken off after {talk.received[-200:]!r}")
        statuses = answers(talk.received, talk.methods)
        compare(http1_oracle.read(data, LIMITS), talk.seen, statuses)
        return statuses

    def quiet(self) -> None:
        """Nothing was logged, all connections end, and the next client is served."""
        if self.log.lines or self.hub_errors:
            trouble = [*self.log.lines, *self.hub_errors]
            self.log.lines.clear()
            self.hub_errors.clear()
            raise Wrong("\n".join(trouble))
        until = time.monotonic() + LONGEST
        while self.listener.server.connections:
            if time.monotonic() > until:
                raise Wrong(f"{len(self.listener.server.connections)} connections are still open")
            gevent.sleep(0.005)
        talk = self.talk(PROBE, random.Random(0))
        if talk.seen != [("GET", "/probe", b"")] or not talk.received.startswith(b"HTTP/1.1 200 OK\r\n"):
            raise Wrong(f"a plain request was answered with {talk.received[:200]!r}")


def run(seconds: float, seed: int, *, keep: bool = False, stop_after: int = 5) -> Score:
    """Fuzz for `seconds`; with `keep`, what was found goes into the corpus."""
    chance = random.Random(seed)
    seeds = corpus()
    score = Score()
    until = time.monotonic() + seconds
    waiting = list(seeds)
    with Arena() as arena:
        while (waiting or time.monotonic() < until) and len(score.wrong) < stop_after:
            data = waiting.pop() if waiting else mutated(seeds, chance)
            score.cases += 1
            try:
                for status in arena.one(data, chance):
                    score.statuses[status] = score.statuses.get(status, 0) + 1
                if score.cases % 7 == 0:
                    arena.leave(data, chance)
                if score.cases % 50 == 0 or arena.log.lines or arena.hub_errors:
                    arena.quiet()
            except Wrong as wrong:
                score.wrong.append((data, str(wrong)))
                if keep:
                    name = hashlib.sha256(data).hexdigest()[:12]
                    (CORPUS / f"found-{name}.http").write_bytes(data)
        arena.quiet()
    return score
