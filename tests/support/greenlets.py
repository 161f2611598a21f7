"""Waiting in a process whose greenlets must run meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent


def settle() -> None:
    """Let everybody run as far as they can: what has arrived is read, what was spawned waits for something."""
    for _ in range(3):
        gevent.idle()


def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The first true value of `condition`, asked whenever the hub has gone round; AssertionError after `seconds`."""
    limit = time.monotonic() + seconds
    while True:
        is_late = time.monotonic() > limit  # known before it is asked: who was held up asks once more
        if value := condition():
            return value
        assert not is_late, f"not within {seconds} s"
        gevent.sleep(0.001)
