"""Work that many want done and one does: whoever comes while it is done waits for its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("gateway")


class SingleFlight:
    """Work by name, each at most once at a time, in a thread of its own (a greenlet, where gevent has patched them).

    So the end of a request that asked for it does not end the work that others wait for.
    """

    def __init__(self) -> None:
        self._flights: dict[str, threading.Event] = {}

    def join(self, name: str, work: Callable[[], None], wait: float) -> bool:
        """Wait at most `wait` seconds for the end of `work`; whether it was begun by this very call."""
        # NOTE: made here and not before: in a worker it is one that lets others run.
        over = threading.Event()
        running = self._flights.setdefault(name, over)
        if running is over:
            threading.Thread(target=self._fly, args=(name, work, over), daemon=True).start()
        running.wait(wait)
        return running is over

    def _fly(self, name: str, work: Callable[[], None], over: threading.Event) -> None:
        try:
            work()
        except Exception:
            log.exception("%s failed", name)
        finally:
            del self._flights[name]
            over.set()
