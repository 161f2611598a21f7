"""What a gateway does that has to be seen leaking: `--seed-leak` puts `leak` behind a route."""

from __future__ import annotations

import os
from typing import Any, Final

import gevent

#: the variable of the environment that names what leaks
LEAKS: Final = "PERF_SOAK_LEAKS"
#: what has leaked: the way to try a detector is something to detect
KEPT: Final[list[Any]] = []


def leak(request: Any) -> str:
    """Leak what the environment asks for."""
    for name in os.environ[LEAKS].split(","):
        SEEDS[name]()
    return "kept"


def _rss() -> None:
    """Memory that the garbage collector knows nothing of."""
    KEPT.append(b"x" * (512 << 10))


def _fds() -> None:
    """An open file."""
    KEPT.append(open("/dev/null", "rb"))  # noqa: SIM115 - left open: that is what leaks


def _greenlets() -> None:
    """A greenlet that waits for what does not come."""
    gevent.spawn(gevent.sleep, 1e6)


def _objects() -> None:
    """A few hundred small lists."""
    KEPT.append([[] for _ in range(300)])


SEEDS: Final = {"rss": _rss, "fds": _fds, "greenlets": _greenlets, "objects": _objects}
