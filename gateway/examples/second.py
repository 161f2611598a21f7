"""A second catalog in a process of its own, so that it can be killed; it is started again a little later."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import TracebackType

#: seconds that it is missed
AWAY = 3.0


class Second:
    """The process, for the length of a `with`; `pid` is None when it could not be started, which it says itself."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.pid: int | None = None
        self._over = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Second:
        if self._start():
            self._keeper.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def _start(self) -> bool:
        """Whether it listens: then it has said so in a line."""
        # NOTE: a process group of its own: Ctrl-C ends this process, which ends it.
        self._child = subprocess.Popen(
            [sys.executable, "-m", "gateway.examples", "--catalog", str(self.port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        assert self._child.stdout is not None
        is_up = bool(self._child.stdout.readline())
        self.pid = self._child.pid if is_up else None
        return is_up

    def _keep(self) -> None:
        while self._child is not None:
            self._child.wait()
            if self._over.wait(AWAY):
                return
            self._start()
