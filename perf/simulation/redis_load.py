"""What one call costs a real redis-server: its CPU seconds from /proc, divided by the calls, by how many come together.

The scripts are the gateway's own.  The load is sixteen sockets, each of which sends so many calls at once before any
answer is read, from another core; who sends does not count.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle, islice
from typing import IO

from gateway.ratelimit.exact_scripts import TAKE
from gateway.ratelimit.redis_leased import SAY
from gateway.state.redis.store import Script
from perf import tools
from perf.procs import Server, free_ports, session_cpu

TOGETHER = (1, 8, 64, 256)
KEYS = 10_000
LINKS = 16  # connections, each with so many calls under way, as of so many workers
#: a limit of 500,000/s with a burst of a million, which never refuses: interval, tolerance, shadow, no penalty
_LIMIT = ("16", "16000000", "0", "0", "0", "0")
_VALUE = "x" * 1000


def measure(seconds: float = 0.4) -> dict[str, dict[int, float]]:
    """{kind: {calls together: microseconds of the Redis's CPU for one}}."""
    tools.ensure("redis-server")
    (port,) = free_ports(1)
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        command = [tools.find("redis-server") or "redis-server", "--bind", "127.0.0.1", "--port", str(port)]
        command += ["--appendonly", "no", "--save", "", "--dir", folder]
        server = Server("redis", command, cores[0], subprocess.DEVNULL)
        os.sched_setaffinity(0, {cores[-1]})
        try:
            server.wait_listening(port)
            return {kind: {n: _cost(port, server.sid, kind, n, seconds) for n in TOGETHER} for kind in _CALLS}
        finally:
            os.sched_setaffinity(0, cores)
            server.stop()


def version() -> str:
    """Of the Redis that is measured."""
    said = subprocess.run([tools.find("redis-server") or "redis-server", "-v"], capture_output=True, text=True).stdout
    return said.split("v=")[-1].split()[0]


def _cost(port: int, sid: int, kind: str, together: int, seconds: float) -> float:
    calls = _CALLS[kind]()
    batches = cycle([b"".join(islice(calls, together)) for _ in range(max(LINKS, KEYS // together))])
    with ExitStack() as opened:
        links = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(LINKS)]
        answers = [opened.enter_context(link.makefile("rb")) for link in links]
        for text in (TAKE.text, SAY.text):
            links[0].sendall(_packed("SCRIPT", "LOAD", text))
            _skip(answers[0])
        end = time.perf_counter() + seconds / 4
        done, before = 0, 0.0
        while not before or time.perf_counter() < end:
            if not before and time.perf_counter() > end:
                done, before = 0, session_cpu(sid)
                end = time.perf_counter() + seconds
            for link in links:
                link.sendall(next(batches))
            for each in answers:
                for _ in range(together):
                    _skip(each)
            done += together * LINKS
        return round((session_cpu(sid) - before) / done * 1e6, 2)


def _skip(answers: IO[bytes]) -> None:
    """Read one answer of RESP; an error is one that nobody expected."""
    head = answers.readline()
    if head[:1] == b"-":
        raise OSError(f"redis: {head.decode().strip()}")
    if head[:1] == b"$" and head[1:2] != b"-":
        answers.read(int(head[1:]) + 2)
    elif head[:1] == b"*":
        for _ in range(int(head[1:])):
            _skip(answers)


def _packed(*words: str) -> bytes:
    parts = [f"*{len(words)}\r\n", *(f"${len(word)}\r\n{word}\r\n" for word in words)]
    return "".join(parts).encode()


def _script(script: Script, keys: tuple[str, ...], arguments: tuple[str, ...]) -> bytes:
    return _packed("EVALSHA", script.digest, str(len(keys)), *keys, *arguments)


def _keys() -> Iterator[str]:
    return cycle([f"gw:sim:{number:032x}" for number in range(KEYS)])


def _take(limits: int) -> Iterator[bytes]:
    """A limit per client, and with two of them one for all."""
    shared = ("gw:sim:all",) * (limits - 1)
    return (_script(TAKE, (*shared, key), _LIMIT * limits) for key in _keys())


_CALLS = {
    "take1": lambda: _take(1),
    "take2": lambda: _take(2),
    "say": lambda: (_script(SAY, (key,), ("160",)) for key in _keys()),
    "set": lambda: (_packed("SET", key, _VALUE, "PX", "60000") for key in _keys()),
    "get": lambda: (_packed("GET", key) for key in _keys()),
}
