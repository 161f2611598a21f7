"""`_fast.channel`'s outbox on real sockets: what is left to the end of the loop's turn arrives, in order, and once."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.channel import Channel, send_posted
from tests.support.drawing import examples
from tests.support.greenlets import until

Ends = tuple[Channel, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    near, far = socket.socketpair()
    far.setblocking(False)
    channel = Channel(near)
    yield channel, far
    channel.close()
    far.close()


def keep_busy(channel: Channel, far: socket.socket) -> None:
    """Have two messages go out in one turn of the loop, so that those of the next one wait for one another."""
    channel.leave(b"a")
    channel.leave(b"b")
    until(lambda: arrived(far, peek=True) == b"ab")
    assert arrived(far) == b"ab"


def arrived(far: socket.socket, peek: bool = False) -> bytes:
    try:
        return far.recv(1 << 20, socket.MSG_PEEK if peek else 0)
    except BlockingIOError:
        return b""


def test_one_alone_goes_at_once(ends: Ends):
    channel, far = ends
    for _ in range(3):
        channel.leave(b"alone")
        assert arrived(far) == b"alone"
        gevent.sleep(0.001)


def test_those_of_a_busy_loop_go_at_the_end_of_its_turn(ends: Ends):
    channel, far = ends
    keep_busy(channel, far)
    gevent.sleep(0.001)
    channel.leave(b"c")
    channel.leave(b"d")
    assert arrived(far) == b""
    gevent.sleep(0.001)
    assert arrived(far) == b"cd"


def held(channel: Channel, far: socket.socket, data: bytes) -> None:
    """Leave `data` in the outbox."""
    keep_busy(channel, far)
    gevent.sleep(0.001)
    channel.leave(data)
    assert arrived(far) == b""


def test_what_is_sent_comes_behind_what_was_left(ends: Ends):
    channel, far = ends
    held(channel, far, b"first")
    channel.write(b" second", 1)
    assert arrived(far) == b"first second"


def test_what_was_left_goes_out_before_the_end(ends: Ends):
    channel, far = ends
    held(channel, far, b"goodbye")
    channel.close()
    assert arrived(far) == b"goodbye"
    assert arrived(far) == b""


def test_the_outbox_is_bounded(ends: Ends):
    channel, far = ends
    held(channel, far, b"0" * 1000)
    for _ in range(70):
        channel.leave(b"1" * 1000)
    assert len(arrived(far)) >= 30_000, "32 messages or 64 KB, what comes first"


def test_what_the_kernel_does_not_take_follows(ends: Ends):
    channel, far = ends
    channel.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    held(channel, far, b"x" * 16000)
    channel.leave(b"y" * 16000)
    gevent.sleep(0.001)
    assert channel.stale(), "what owes the rest of a request has no room for another one"
    got = b""
    writer = gevent.spawn(channel.write, b"z" * 5000, 5)

    def take() -> bool:
        nonlocal got
        got += arrived(far)
        return len(got) == 37_000

    until(take)
    writer.get(timeout=1)
    assert got == b"x" * 16000 + b"y" * 16000 + b"z" * 5000
    assert not channel.stale()


def test_a_connection_that_was_gone_is_told(ends: Ends):
    channel, far = ends
    held(channel, far, b"lost")
    far.close()
    send_posted()
    assert channel.unsent and channel.gone and channel.stale()
    with pytest.raises(OSError):
        channel.write(b"x", 1)


def test_a_request_that_has_not_left_has_no_answer(ends: Ends):
    """Bytes that were there before are not its answer; the connection must not be used for another request."""
    channel, far = ends
    held(channel, far, b"request")
    channel.rest_idle()
    assert channel.stale()


@given(st.lists(st.tuples(st.sampled_from("plst"), st.integers(0, 2), st.integers(1, 20_000)), max_size=60))
@examples(60)
def test_every_channel_keeps_its_order(moves: list[tuple[str, int, int]]):
    """p: posted, l: two posted, s: sent, t: the turn ends; to one of three channels, so many bytes."""
    pairs = [socket.socketpair() for _ in range(3)]
    channels = [Channel(near) for near, _ in pairs]
    expected, got, tick = [b"", b"", b""], [b"", b"", b""], 0
    for _, far in pairs:
        far.setblocking(False)
    try:
        for what, which, size in moves:
            for _ in range(2 if what == "l" else 1):
                tick += 1
                data = bytes([tick % 256]) * size
                if what == "t":
                    gevent.sleep(0)
                    continue
                expected[which] += data
                sent = 0 if what == "s" else max(0, channels[which].leave(data))
                if sent < size:
                    sender = gevent.spawn(channels[which].write, data[sent:], 5)
                    while not sender.ready():
                        got = [seen + arrived(far) for seen, (_, far) in zip(got, pairs, strict=True)]
                        gevent.sleep(0)
                    sender.get()
        send_posted()

        def all_there() -> bool:
            nonlocal got
            got = [seen + arrived(far) for seen, (_, far) in zip(got, pairs, strict=True)]
            return [len(each) for each in got] >= [len(each) for each in expected]

        until(all_there)
        assert got == expected
    finally:
        for channel, (_, far) in zip(channels, pairs, strict=True):
            channel.close()
            far.close()


def test_what_was_not_taken_goes_to_nobody_who_gets_the_descriptor_next(ends: Ends):
    channel, far = ends
    channel.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    held(channel, far, b"x" * 16000)
    gevent.sleep(0.001)
    writer = gevent.spawn(channel.write, b"z" * 5000, 5)
    gevent.sleep(0.001)
    descriptor = channel.fd
    channel.close()
    near, other = socket.socketpair()
    try:
        assert descriptor in (near.fileno(), other.fileno())
        with pytest.raises(OSError):
            writer.get(timeout=1)
        gevent.sleep(0.01)
        for end in (near, other):
            end.setblocking(False)
            assert arrived(end) == b""
    finally:
        near.close()
        other.close()
