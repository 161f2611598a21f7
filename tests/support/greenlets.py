"""Waiting in a process whose greenlets must run meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent


def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The first true value of `condition`, asked whenever the hub has gone round; AssertionError after `seconds`."""
    limit = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < limit, f"not within {seconds} s"
        gevent.sleep(0.001)
    return value
