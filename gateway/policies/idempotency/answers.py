"""Storage of answers by idempotency key, and recording of those on their way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Final

from gateway.exchange import Response
from gateway.state.store import Store, StoreError

SWEEP_EVERY: Final = 5.0  # seconds
SWEPT: Final = 1_000  # entries at once, by each worker

log = logging.getLogger("gateway")


class Answers:
    """The store of answers for one process; it gives back the room of those whose time is up."""

    __slots__ = ("_clock", "_swept_at", "store")

    def __init__(self, store: Store, clock: Callable[[], float] = monotonic) -> None:
        self.store = store
        self._clock = clock
        self._swept_at = clock()

    def tick(self) -> None:
        """Sweep when it is time; called some times a second beside the requests."""
        now = self._clock()
        if now - self._swept_at >= SWEEP_EVERY:
            self._swept_at = now
            with suppress(StoreError):  # who needs the store says so
                self.store.sweep(SWEPT)


class Recording(Iterator[bytes]):
    """A body of unknown length on its way to the client, kept aside up to `most` bytes.

    `settle` is called once: with the whole of it before the end is told, or with None.  A client that goes away
    early is the one that will ask again, so the rest is then read for it, within the time and the bound that hold.
    """

    __slots__ = ("_body", "_most", "_next", "_pieces", "_settle", "_size")

    def __init__(self, body: Iterable[bytes], most: int, settle: Callable[[bytes | None], None]) -> None:
        self._body = body
        self._next = iter(body).__next__
        self._most = most
        self._pieces: list[bytes] | None = []
        self._size = 0
        self._settle: Callable[[bytes | None], None] | None = settle

    @property
    def ready(self) -> bool:
        """Whether the first piece is there already."""
        return bool(getattr(self._body, "ready", False))

    def __next__(self) -> bytes:
        try:
            piece = self._next()
        except StopIteration:
            self._end(whole=True)
            raise
        except BaseException:  # a killed greenlet too: else the key would stay taken until its time is over
            self._end(whole=False)
            raise
        self._size += len(piece)
        if self._size > self._most:
            self._pieces = None
        elif self._pieces is not None:
            self._pieces.append(piece)
        return piece

    def close(self) -> None:
        """Give the body back, read to its end where that is wanted."""
        try:
            while self._settle is not None and self._pieces is not None:
                next(self)
        except StopIteration:
            pass  # read to its end, and settled as whole
        except Exception as error:
            # Settled as broken: whoever asks again is let through. The client left before this and is told nothing.
            log.debug("the rest of an answer could not be kept: %r", error)
        finally:
            self._end(whole=False)
            close = getattr(self._body, "close", None)
            if close is not None:
                close()

    def _end(self, whole: bool) -> None:
        settle, self._settle = self._settle, None
        if settle is not None:
            settle(b"".join(self._pieces) if whole and self._pieces is not None else None)


def whole_body(response: Response, most: int) -> bytes | None:
    """The body where it is there or its length is told and at most `most`; then it is read, and given back.

    Raises what the body raises.
    """
    body = response.body
    if isinstance(body, bytes):
        return body if len(body) <= most else None
    if response.length is None or response.length > most:
        return None
    data = b"".join(body)
    response.close()
    response.body, response.length = data, len(data)
    return data
