"""Ports of 127.0.0.1 for tests that run beside other tests: none is given twice, by whatever process."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

#: below those that the kernel gives to whoever asks for any port, and to connections (ip_local_port_range); above the
#: last one that browsers ask nobody at
FIRST, END = 11_000, 32_768
#: a process takes so many at once
BLOCK = 64


def _blocks() -> Iterator[int]:
    """The first port of each block that becomes this process's, until it ends."""
    held, count = [], (END - FIRST) // BLOCK
    for number in range(count):
        block = (os.getpid() + number) % count
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0gateway-tests-ports-{block}")  # an abstract name: it goes with the process (unix(7))
        except OSError:
            claim.close()
        else:
            held.append(claim)
            yield FIRST + block * BLOCK


def _ports() -> Iterator[int]:
    for first in _blocks():
        yield from filter(_is_free, range(first, first + BLOCK))


def _is_free(port: int) -> bool:
    """Whether nobody has it: what was left running by a test that was killed, or is no test."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


_lock = threading.Lock()
_given = _ports()


def free_port() -> int:
    """A port that nobody listens on, and nobody else is given while this process lives."""
    with _lock:
        return next(_given)
