"""Copies of requests for a second upstream, whose answers nobody waits for.

A copy is sent once the answer to its request is there, by a greenlet of its own: the request itself waits for nothing
but the reading of its own body, as without a mirror.  What does not fit is left out: a body of more than `LARGEST`
bytes, or one that was not read to its end; a change of protocol; more than `AT_ONCE` copies on their way.
"""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Callable
from time import monotonic

import gevent

from gateway.contracts import Fetch
from gateway.errors import GatewayError
from gateway.exchange import MIRRORED, BodyReader, Exchange, Response

log = logging.getLogger("gateway")

#: what tells a copy from a request
MARK = "X-Gateway-Mirror"
#: bytes of the largest body that is copied
LARGEST = 65536
#: copies on their way to one upstream, per worker
AT_ONCE = 64
#: bytes of an answer that are read for the sake of the connection; more of it is cut off
ANSWER = 1 << 20
#: seconds between two warnings about copies that were left out
QUIET = 10.0


class MirrorQueue:
    """The copies of this worker for one upstream, over all plans: those on their way, and counts."""

    __slots__ = ("_clock", "_quiet_until", "dropped", "failed", "name", "running", "sent")

    def __init__(self, name: str, clock: Callable[[], float] = monotonic) -> None:
        self.name = name
        self.running = self.sent = self.dropped = self.failed = 0
        self._clock = clock
        self._quiet_until = 0.0

    def start(self, fetch: Fetch, copy: Exchange) -> bool:
        """Send a copy by itself; False when there are too many already."""
        if self.running >= AT_ONCE:
            self._drop()
            return False
        self.running += 1
        gevent.spawn(self._run, fetch, copy)
        return True

    def _run(self, fetch: Fetch, copy: Exchange) -> None:
        try:
            drain(fetch(copy))
            self.sent += 1
        except GatewayError:
            self.failed += 1
        except Exception as error:
            self.failed += 1
            log.error("copying request %s failed", copy.request_id, exc_info=error)
        finally:
            self.running -= 1

    def _drop(self) -> None:
        self.dropped += 1
        now = self._clock()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            log.warning("the mirror %s is slow: %d copies left out so far", self.name, self.dropped)


class MirrorQueues:
    """The lanes of a worker by upstream; they outlive its plans."""

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes: dict[str, MirrorQueue] = {}

    def get(self, upstream: str) -> MirrorQueue:
        """The lane to an upstream, made when it is asked for the first time."""
        return self._lanes.setdefault(upstream, MirrorQueue(upstream))


class Mirror:
    """An upstream over upstreams: answers with one, and sends a `share` (0..1) of what it is asked to another."""

    __slots__ = ("_copy_to", "_fetch", "_lane", "_random", "_share", "_total")

    def __init__(
        self,
        fetch: Fetch,
        copy_to: Fetch,
        lane: MirrorQueue,
        *,
        share: float,
        total: float,
        random: Callable[[], float] = random.random,
    ) -> None:
        """`copy_to` is tried once; a copy has `total` seconds of its own."""
        self._fetch = fetch
        self._copy_to = copy_to
        self._lane = lane
        self._share = share
        self._total = total
        self._random = random

    def fetch(self, exchange: Exchange) -> Response:
        """The answer of the one that answers. Raises GatewayError."""
        if self._random() >= self._share or "gateway.upgrade" in exchange.environ:
            return self._fetch(exchange)
        # Before anything else changes the exchange.
        copy = _copy(exchange)
        read = None
        if exchange.body is not None and exchange.body_length:
            if exchange.body_length > LARGEST:
                return self._fetch(exchange)
            exchange.body = read = RequestRecorder(exchange.body, exchange.body_length)
        try:
            return self._fetch(exchange)
        finally:
            if self._send(copy, read):
                exchange.marks |= MIRRORED

    def _send(self, copy: Exchange, read: RequestRecorder | None) -> bool:
        """Whether the copy is on its way."""
        if read is not None:
            if not read.is_whole:
                return False
            body = b"".join(read.pieces)
            copy.body, copy.body_length = io.BytesIO(body), len(body)
        copy.deadline = monotonic() + self._total
        return self._lane.start(self._copy_to, copy)


class RequestRecorder:
    """A body that is read as it was, and kept while it is small; `length` in bytes, -1 = unknown."""

    __slots__ = ("_body", "_length", "_size", "is_whole", "pieces")

    def __init__(self, body: BodyReader, length: int) -> None:
        self._body = body
        self._length = length
        self._size = 0
        self.pieces: list[bytes] = []
        self.is_whole = False

    def read(self, size: int = -1, /) -> bytes:
        """As the body's own."""
        piece = self._body.read(size)
        self._size += len(piece)
        if self._size > LARGEST:
            self.pieces.clear()
            self.is_whole = False
        else:
            self.pieces.append(piece)
            self.is_whole = self._size == self._length if self._length >= 0 else not piece or self.done
        return piece

    @property
    def done(self) -> bool:
        """Whether its end is known to have come, as the body says."""
        return bool(getattr(self._body, "done", False))

    @property
    def at_hand(self) -> bool:
        """Whether all of it has come and is small, as the body says."""
        return bool(getattr(self._body, "at_hand", False))


def _copy(exchange: Exchange) -> Exchange:
    """What the upstream would be asked, marked, and without a tie to the client: no answer, no hint goes back there."""
    fields = exchange.headers if exchange.outgoing is None else exchange.outgoing
    lower = MARK.lower()
    headers = [field for field in fields if field[0].lower() != lower]
    headers.append((MARK, "1"))
    copy = Exchange(exchange.method, exchange.target, headers, {}, exchange.started)
    for name in (
        *("path", "query", "host", "authority", "scheme", "version", "peer", "client", "trusted", "request_id"),
        *("plan", "route", "params", "upstream_path"),
    ):
        setattr(copy, name, getattr(exchange, name, None))
    return copy


def drain(response: Response) -> None:
    """Read an answer and drop it, so that its connection can be used again."""
    try:
        if not isinstance(response.body, bytes):
            read = 0
            for piece in response.body:
                read += len(piece)
                if read > ANSWER:
                    break
    finally:
        response.close()
