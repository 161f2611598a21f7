"""Processes under measurement: started in sessions of their own, accounted from /proc, ended to the last one.

A session (setsid) holds a server with all of its workers and helpers, whatever they fork; its id is the pid of the
process that was started.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

TICK: Final = os.sysconf("SC_CLK_TCK")
_STATE, _SESSION, _UTIME, _CSTIME = 0, 3, 11, 14  # fields of /proc/PID/stat after the name
_PR_SET_PDEATHSIG: Final = 1
#: what asks a command to end
STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: seconds for which a command that was asked to end is not asked again
_ENDS: Final = 5.0


def end_with_parent() -> None:
    """Have this process told to end when the one that started it dies, however it dies."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before it was asked
        sys.exit(1)


def _stat(pid: int) -> list[str] | None:
    try:
        # A process may call itself anything, in any bytes.
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return None


def _session(sid: int) -> Iterator[tuple[int, list[str]]]:
    for name in os.listdir("/proc"):
        fields = _stat(int(name)) if name.isdigit() else None
        if fields and int(fields[_SESSION]) == sid:
            yield int(name), fields


def session_cpu(sid: int) -> float:
    """CPU seconds (user and system) that the session has used so far, in steps of one clock tick.

    The times of children that ended and were waited for are counted through their parents, so a worker that is replaced
    between two readings does not make CPU disappear.
    """
    return sum(sum(map(int, f[_UTIME : _CSTIME + 1])) for _, f in _session(sid)) / TICK


def session_pids(sid: int) -> list[int]:
    """All living processes of the session; one that ended and waits to be collected is none."""
    return [pid for pid, fields in _session(sid) if fields[_STATE] != "Z"]


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


def tree_memory(sid: int) -> float:
    """MB of a session's processes: their own pages, those they share once, and of files the largest map.

    Pages of program files are shared with every process on the machine that runs the same program, so PSS would call
    a gateway smaller for each other one, and each load generator, that stands beside it.
    """
    own, files = 0, 0
    for pid in session_pids(sid):
        try:
            rolled = Path(f"/proc/{pid}/smaps_rollup").read_text()
            status = Path(f"/proc/{pid}/status").read_text(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        own += sum(map(int, re.findall(r"^Pss_(?:Anon|Shmem):\s+(\d+)", rolled, re.M)))
        files = max([files, *map(int, re.findall(r"^RssFile:\s+(\d+)", status, re.M))])
    return (own + files) * 1024 / 1e6


def machine_busy() -> tuple[float, float]:
    """(seconds of work, seconds of anything) of all cores since the machine came up; steal counts as work."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(each) for each in file.readline().split()[1:9]]
    whole = sum(ticks) / TICK
    return whole - (ticks[3] + ticks[4]) / TICK, whole  # idle and iowait


class Child:
    """A process in a session of its own, on the cores given (all, when there are none)."""

    def __init__(self, module: str, arguments: Sequence[str], cores: Iterable[int], log: IO[bytes] | int) -> None:
        """Runs `python -m module`."""
        # SECURITY: -P and our own sys.path: modules are found where this process finds them, and not in the folder that
        # it happens to run in (test_modules_are_ours).
        command = [sys.executable, "-P", "-m", module, *arguments]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        before = os.sched_getaffinity(0)
        chosen = set(cores)
        if chosen:
            os.sched_setaffinity(0, chosen)
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True, env=env
            )
        finally:
            os.sched_setaffinity(0, before)
        self.sid = self.process.pid

    def tell(self, data: bytes) -> None:
        """Write to its stdin; a process that has ended is found by who waits for its answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def tell_all(self, data: bytes) -> None:
        """Write all that it will ever read."""
        self.tell(data)
        self._shut(self.process.stdin)

    def line(self) -> str:
        """The next line that it prints, "" when it ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode("ascii", "replace").strip()

    def stop(self, patience: float = 3.0) -> None:
        """End it and everything it left in its session: asked first, killed when it does not listen."""
        end_session(self.process, self.sid, patience)
        self._shut(self.process.stdin)
        self._shut(self.process.stdout)

    def _shut(self, pipe: IO[bytes] | None) -> None:
        if pipe is not None and not pipe.closed:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


@contextlib.contextmanager
def interrupted_once() -> Iterator[None]:
    """Within this block what asks us to end raises KeyboardInterrupt or SystemExit, and what else asks soon nothing.

    A terminal that closes asks twice at once. NOTE: a second exception, raised where the first is on its way out,
    passes by who would have ended what was started. What is ignored, as under nohup, stays so. For the main thread.
    """
    told = -_ENDS

    def tell(number: int, _: object) -> None:
        nonlocal told
        if time.monotonic() - told < _ENDS:
            return
        told = time.monotonic()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    heard = [number for number in STOPS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, tell) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Within this block neither Ctrl-C nor SIGTERM stops us: a second one must not leave half of them behind."""
    if threading.current_thread() is not threading.main_thread():  # which alone is stopped by them
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of a process, so long at most; whether it came."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def end_session(process: subprocess.Popen[bytes], sid: int, patience: float) -> None:
    """End a process and everything it left in its session: asked first, killed when it does not listen."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        ended_within(process, patience)
    while left := session_pids(sid):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended_within(process, 0.05)
    process.wait()


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
