"""A channel over a socket pair: bytes that are there, a send that the kernel takes, and a wait through the hub."""

from __future__ import annotations

import gevent
from gevent import socket

from gateway._fast.channel import Channel
from perf.micro.run import Bench


def benches() -> list[Bench]:
    """What is run; `wait` is a whole round trip between two greenlets."""
    one, other = (Channel(sock) for sock in socket.socketpair())

    def echo() -> None:
        while True:
            other.write(other.read(16384, 60.0), 60.0)

    def given_back() -> None:
        one.give_back(b"x")
        one.read(16384, 1.0)

    def round_trip() -> None:
        one.write(b"x" * 100, 1.0)
        one.read(16384, 1.0)

    gevent.spawn(echo)
    return [
        ("read what is there", given_back, 50_000),
        ("round trip: two sends, two reads, two waits", round_trip, 5_000),
        ("is it stale", one.stale, 100_000),
    ]
