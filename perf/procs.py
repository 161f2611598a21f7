"""Processes under measurement: started in sessions of their own, accounted from /proc, ended to the last one.

A session (setsid) holds a server with all of its workers and helpers, whatever they fork; its id is the pid of the
process that was started.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from typing import IO

from gateway.tuning.processes import (
    end_session,
    ended_within,
    free_ports,
    memory,
    session_cpu,
    session_memory,
    session_pids,
    undisturbed,
)

PATIENCE = 30.0  # seconds for a server to answer for the first time
__all__ = [
    "NotServing",
    "Pinned",
    "Server",
    "ask",
    "free_ports",
    "memory",
    "session_cpu",
    "session_memory",
    "session_pids",
    "undisturbed",
]


class NotServing(Exception):
    """A server ended, or did not answer in time, before it could be measured."""


class Server:
    """One server under measurement: a child in its own session, pinned to a core, or to several."""

    patience = PATIENCE

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        core: int | tuple[int, ...],
        log: IO[bytes] | int,
        env: dict[str, str] | None = None,
    ):
        self.name = name
        self.started = time.perf_counter()
        with Pinned(core):
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | (env or {}),
            )
        self.sid = self.process.pid

    def wait_ready(self, port: int, request: bytes, step: float = 0.02, accept: str = "2") -> float:
        """Ask until the status is of an accepted class; returns the seconds from the process's start until then."""
        end = time.perf_counter() + self.patience
        last = "nothing listens"
        while time.perf_counter() < end:
            try:
                last = ask(port, request)
                if last[9:10] and last[9:10] in accept:
                    return time.perf_counter() - self.started
            except OSError as error:
                last = str(error)
            if self._ended_within(step):
                raise NotServing(f"{self.name} ended with status {self.process.returncode} before it answered")
        raise NotServing(f"{self.name} did not answer on port {port} within {self.patience:g} s: {last}")

    def wait_listening(self, port: int, step: float = 0.02) -> None:
        """Wait until somebody takes connections on a port, for servers that speak no HTTP."""
        end = time.perf_counter() + PATIENCE
        while time.perf_counter() < end and not self._ended_within(step):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
        raise NotServing(f"{self.name} does not listen on port {port}")

    def _ended_within(self, seconds: float) -> bool:
        return ended_within(self.process, seconds)

    def stop(self, patience: float = 8.0) -> None:
        """End the server and everything it left in its session: asked first, killed when it does not listen."""
        end_session(self.process, self.sid, patience)


class Pinned:
    """Within this block the process, and what it starts, runs on one core, or on these."""

    def __init__(self, core: int | tuple[int, ...]):
        self.cores = {core} if isinstance(core, int) else set(core)

    def __enter__(self) -> None:
        self.before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.cores)

    def __exit__(self, *_: object) -> None:
        os.sched_setaffinity(0, self.before)


def ask(port: int, request: bytes, timeout: float = 2.0) -> str:
    """Send raw bytes to a local port and return the first line of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline().decode("latin-1").rstrip()
