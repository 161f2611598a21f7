"""Processes under measurement: started in sessions of their own, accounted from /proc, ended to the last one.

A session (setsid) holds a server with all of its workers and helpers, whatever they fork; its id is the pid of the
process that was started.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

PATIENCE = 30.0  # seconds for a server to answer for the first time
TICK = os.sysconf("SC_CLK_TCK")
STAT_STATE, STAT_SESSION, STAT_UTIME, STAT_CSTIME = 0, 3, 11, 14  # fields of /proc/PID/stat after the name


class NotServing(Exception):
    """A server ended, or did not answer in time, before it could be measured."""


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def _session(sid: int) -> Iterator[tuple[int, list[str]]]:
    for name in os.listdir("/proc"):
        fields = _stat(int(name)) if name.isdigit() else None
        if fields and int(fields[STAT_SESSION]) == sid:
            yield int(name), fields


def session_cpu(sid: int) -> float:
    """CPU seconds (user and system) that the session has used so far, in steps of one clock tick.

    The times of children that ended and were waited for are counted through their parents, so a worker that is replaced
    between two readings does not make CPU disappear.
    """
    return sum(sum(map(int, f[STAT_UTIME : STAT_CSTIME + 1])) for _, f in _session(sid)) / TICK


def session_pids(sid: int) -> list[int]:
    """All living processes of the session; one that ended and waits to be collected is none."""
    return [pid for pid, fields in _session(sid) if fields[STAT_STATE] != "Z"]


def memory(pid: int) -> tuple[float, float]:
    """(RSS, PSS) of one process in MB of 10^6 bytes; (0, 0) when it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0, 0.0
    kilobytes = {name: int(value) for name, value in re.findall(r"^(Rss|Pss):\s+(\d+)", text, re.M)}
    return kilobytes.get("Rss", 0) * 1024 / 1e6, kilobytes.get("Pss", 0) * 1024 / 1e6


def session_memory(sid: int) -> tuple[float, float]:
    """(RSS, PSS) of the whole session in MB; pages shared between its processes count once in PSS only."""
    sizes = [memory(pid) for pid in session_pids(sid)]
    return sum(rss for rss, _ in sizes), sum(pss for _, pss in sizes)


class Server:
    """One server under measurement: a child in its own session, pinned to a core."""

    def __init__(
        self, name: str, command: Sequence[str], core: int, log: IO[bytes] | int, env: dict[str, str] | None = None
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
        end = time.perf_counter() + PATIENCE
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
        raise NotServing(f"{self.name} did not answer on port {port} within {PATIENCE:g} s: {last}")

    def wait_listening(self, port: int, step: float = 0.02) -> None:
        """Wait until somebody takes connections on a port, for servers that speak no HTTP."""
        end = time.perf_counter() + PATIENCE
        while time.perf_counter() < end and not self._ended_within(step):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
        raise NotServing(f"{self.name} does not listen on port {port}")

    def _ended_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, patience: float = 8.0) -> None:
        """End the server and everything it left in its session: asked first, killed when it does not listen."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self._ended_within(patience)
        while left := session_pids(self.sid):
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self._ended_within(0.05)
        self.process.wait()


class Pinned:
    """Within this block the process, and what it starts, runs on one core."""

    def __init__(self, core: int):
        self.core = core

    def __enter__(self) -> None:
        self.before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.core})

    def __exit__(self, *_: object) -> None:
        os.sched_setaffinity(0, self.before)


def ask(port: int, request: bytes, timeout: float = 2.0) -> str:
    """Send raw bytes to a local port and return the first line of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline().decode("latin-1").rstrip()


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()
