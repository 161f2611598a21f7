"""Denied access, told in bounded numbers: a flood of refused requests cannot fill a disk, and its size is told.

Each worker tells up to BURST in one go and one a second in the long run; of the rest it tells how many there were of
each kind, every TELL_EVERY seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import gevent

from gateway.contracts import Steps
from gateway.errors import KINDS
from gateway.exchange import Exchange
from gateway.observability.audit.log import Audit
from gateway.observability.audit.options import Audit as Spec

DENIED: Final = frozenset(kind.slug for kind in KINDS if kind.status in (401, 403))
BURST: Final = 100
RATE: Final = 1.0  # lines a second
TELL_EVERY: Final = 10.0  # seconds


class DenialLog:
    """Those of one worker."""

    def __init__(self, audit: Audit, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._clock = clock
        self._room, self._at = float(BURST), clock()
        self._left_out: dict[str, int] = {}
        self._teller: gevent.Greenlet[[], None] | None = None
        self.steps = Steps(on_close=self._closed)

    def check(self, spec: Spec | None) -> None:
        """Raise OSError when what is denied could not be told by `spec`."""
        self._audit.check(spec)

    def add(self, event: str, why: str, **members: Any) -> None:
        """Somebody was denied something; `why` is the slug of the error."""
        if not self._audit.is_on:
            return
        now = self._clock()
        self._room = min(float(BURST), self._room + (now - self._at) * RATE)
        self._at = now
        if self._room >= 1.0:
            self._room -= 1.0
            self._audit.record(event, "denied", why=why, **members)
            return
        self._left_out[why] = self._left_out.get(why, 0) + 1
        if self._teller is None:
            self._teller = gevent.spawn_later(TELL_EVERY, self.tell)

    def tell(self) -> None:
        """Tell how many were left out."""
        self._teller = None
        if self._left_out:
            counts, self._left_out = self._left_out, {}
            self._audit.record("access.left_out", "denied", what=counts)

    def _closed(self, exchange: Exchange) -> None:
        """The last hook of a request.

        SECURITY: neither the query nor any header is told, for they may hold what lets people in
        (test_no_secret_is_told).
        """
        if exchange.error not in DENIED:
            return
        caller = exchange.caller
        self.add(
            "access.denied",
            exchange.error or "",
            client=exchange.client,
            who=None if caller is None else f"{caller.provider}/{caller.subject}",
            what={
                "method": exchange.method,
                "host": exchange.host,
                "path": exchange.path,
                "route": exchange.route.name,
                "request_id": exchange.request_id,
            },
        )
