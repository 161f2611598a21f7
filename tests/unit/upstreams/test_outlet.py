"""What goes out beside somebody who reads."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import pytest

from gateway._fast.channel import Channel
from gateway.upstream.pool.channel_writer import FULL, ChannelWriter
from tests.support.greenlets import until

SIZE = 4_000_000


class Ends:
    """A channel with an outlet, and its other end."""

    def __init__(self) -> None:
        ours, self.other = socket.socketpair()
        self.other.setblocking(False)
        self.channel = Channel(ours)
        self.moves = 0
        self.outlet = ChannelWriter(self.channel, self._moved)

    def _moved(self) -> None:
        self.moves += 1

    def read(self) -> bytes:
        try:
            return self.other.recv(1 << 20)
        except BlockingIOError:
            return b""


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.outlet.close()
    made.channel.close()
    made.other.close()


def test_everything_arrives_in_order_while_somebody_reads(ends: Ends) -> None:
    heard: list[bytes] = []
    reader = gevent.spawn(lambda: heard.append(ends.channel.read(100, 20.0)))
    gevent.sleep(0)
    data = bytes(at % 251 for at in range(SIZE))
    for at in range(0, SIZE, 100_000):
        ends.outlet.put(data[at : at + 100_000])
    assert ends.outlet.is_full and ends.outlet.size > FULL
    came = bytearray()

    def is_there() -> bool:
        came.extend(ends.read())
        return len(came) == SIZE

    until(is_there)
    assert bytes(came) == data and not ends.outlet.size and not ends.outlet.is_full
    assert ends.moves
    ends.other.send(b"heard")
    reader.join()
    assert heard == [b"heard"] and not ends.outlet.is_broken


def test_a_little_goes_at_once(ends: Ends) -> None:
    ends.outlet.put(b"a little")
    assert (ends.outlet.size, ends.moves) == (0, 0)
    until(lambda: ends.read() == b"a little")


def test_nothing_waits_for_who_is_gone(ends: Ends) -> None:
    ends.outlet.put(b"x" * SIZE)
    ends.other.close()
    until(lambda: not ends.outlet.size)
    assert ends.channel.gone, "who reads hears of it"

    def is_broken() -> bool:
        ends.outlet.put(b"more")
        return ends.outlet.is_broken

    until(is_broken)
    assert not ends.outlet.size and ends.moves, "and who waits for room"
    ends.channel.close()
    ends.outlet.put(b"more")
    assert ends.outlet.is_broken and not ends.outlet.size


def test_after_its_end_nothing_goes(ends: Ends) -> None:
    ends.outlet.put(b"x" * SIZE)
    ends.outlet.close()
    size, came = ends.outlet.size, bytearray()
    assert size

    def is_there() -> bool:
        came.extend(ends.read())
        return len(came) == SIZE - size

    until(is_there)
    gevent.sleep(0)
    assert ends.outlet.size == size and not ends.read()
    ends.outlet.close()
