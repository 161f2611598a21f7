"""`_fast.tunnel`: frames against their oracle, and a tunnel between two pairs of real sockets."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator
from select import select
from time import monotonic

import gevent
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway._fast.channel import Channel
from gateway._fast.tunnel import Frames, Tunnel, close_frame
from tests.oracles import tunnel_oracle
from tests.support.greenlets import until

KEY = b"\x01\x02\x03\x04"
BYE = tunnel_oracle.close_frame(1001, b"")


def frame(payload: bytes, opcode: int = 2, key: bytes = b"", room: int = 0) -> bytes:
    """A frame whose length has `room` bytes of its own; the payload is not really masked: nobody here looks at it."""
    mask, size = 128 if key else 0, len(payload)
    room = room or (0 if size < 126 else 2 if size < 1 << 16 else 8)
    length = bytes([mask | {0: size, 2: 126, 8: 127}[room]]) + (size.to_bytes(room, "big") if room else b"")
    return bytes([128 | opcode]) + length + key + payload


FRAMES = st.builds(
    frame,
    st.sampled_from([0, 1, 125, 126, 127, 300]).map(bytes) | st.binary(max_size=12),
    st.sampled_from([0, 1, 2, 8, 9, 10]),
    st.sampled_from([b"", KEY]),
    st.sampled_from([0, 2, 8]),
)
STREAMS = st.lists(FRAMES | st.binary(max_size=12), max_size=5).map(b"".join)


@st.composite
def pieces(draw: st.DrawFn) -> list[bytes]:
    stream = draw(STREAMS)
    cuts = sorted(draw(st.lists(st.integers(0, min(len(stream), 400)), max_size=6)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


# Frames


@given(pieces())
@example([b"\x82\x7f\x80" + bytes(7), b"\x88\x00"])
@example([b"\x88", b"\x80", KEY])
@example([b"\x82\x7f" + bytes(8)])
@example([frame(bytes(1 << 16)), frame(bytes((1 << 16) - 1), 8, KEY)])
def test_frames_end_where_the_oracle_says(stream: list[bytes]):
    frames, seen = Frames(), b""
    for piece in stream:
        assert frames.follow(piece) == len(piece)
        seen += piece
        assert frames.between == tunnel_oracle.is_between(seen)
        assert frames.closed == tunnel_oracle.is_closed(seen)
    assert frames.lost == tunnel_oracle.frames(seen)[1]


@given(STREAMS, STREAMS, st.integers(0, 20))
def test_the_next_place_between_two_frames_is_the_oracles(before: bytes, after: bytes, cut: int):
    before, after = before[: len(before) - cut], (before[len(before) - cut :] + after)[:200]
    frames = Frames()
    frames.follow(before)
    assert frames.follow(after, True) == tunnel_oracle.next_gap(before, after)


@given(st.binary(min_size=4, max_size=4) | st.just(b""))
def test_the_close_frame_is_the_oracles(key: bytes):
    assert close_frame(key) == tunnel_oracle.close_frame(1001, key)


# A tunnel


class Owner:
    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.released: list[bool] = []

    def release(self, keep: bool) -> None:
        self.released.append(keep)
        self.channel.close()


class Joined:
    """A tunnel with a socket at either end; what is written to one comes out of the other."""

    def __init__(self, idle: float = 600.0, early: bytes = b"", waiting: bytes = b"", drained: bool = False) -> None:
        near, self.client = socket.socketpair()
        far, self.upstream = socket.socketpair()
        for end in (self.client, self.upstream):
            end.setblocking(False)
        self.channel = Channel(near)
        if waiting:
            self.channel.give_back(waiting)
        self.owner = Owner(Channel(far))
        self.tunnel = Tunnel(self.owner, self.owner.channel, early)
        self.tunnel.idle = idle
        if drained:
            self.tunnel.drain()
        self.running = gevent.spawn(self.tunnel.run, self.channel)
        gevent.sleep(0)

    def close(self) -> None:
        self.channel.close()
        self.client.close()
        self.upstream.close()
        self.running.join(5)

    def is_over(self, seconds: float = 2.0) -> bool:
        self.running.join(seconds)
        return self.running.ready() and self.owner.released == [False]


@pytest.fixture
def joined() -> Iterator[Joined]:
    made = Joined()
    yield made
    made.close()


@pytest.fixture
def make() -> Iterator[Callable[..., Joined]]:
    made: list[Joined] = []

    def one(**options) -> Joined:
        made.append(Joined(**options))
        return made[-1]

    yield one
    for each in made:
        each.close()


def exactly(end: socket.socket, size: int, seconds: float = 30.0) -> bytes:
    """The next `size` bytes; fewer at the stream's end."""
    data, limit = b"", monotonic() + seconds
    while len(data) < size:
        try:
            piece = end.recv(size - len(data))
        except BlockingIOError:
            assert monotonic() < limit, f"only {data[:100]!r}"
            gevent.sleep(0.001)
            continue
        if not piece:
            break
        data += piece
    return data


def fill(end: socket.socket, data: bytes, turns: int = 300) -> int:
    """Send until nothing was taken for so many turns of the loop: bytes taken."""
    sent, left = 0, turns
    while sent < len(data) and left:
        try:
            sent += end.send(data[sent : sent + 65536])
            left = turns
        except BlockingIOError:
            left -= 1
            gevent.sleep(0.001)
    return sent


def test_bytes_go_both_ways(joined: Joined):
    joined.client.send(b"\x82\x82" + KEY + b"hi")
    joined.upstream.send(b"\x82\x02ho")
    assert exactly(joined.upstream, 8) == b"\x82\x82" + KEY + b"hi"
    assert exactly(joined.client, 4) == b"\x82\x02ho"
    assert (joined.tunnel.received, joined.tunnel.sent) == (8, 4)


def test_what_was_read_before_it_began_goes_first(make):
    joined = make(early=b"\x82\x01a", waiting=b"\x82\x81" + KEY + b"b")
    joined.upstream.send(b"\x82\x01c")
    assert exactly(joined.client, 6) == b"\x82\x01a\x82\x01c"
    assert exactly(joined.upstream, 7) == b"\x82\x81" + KEY + b"b"


@pytest.mark.parametrize("slow", ["client", "upstream"])
def test_who_does_not_read_stops_the_other_and_nothing_is_lost(joined: Joined, slow: str):
    reader, writer = (joined.client, joined.upstream) if slow == "client" else (joined.upstream, joined.client)
    sent = bytes(range(256)) * (1 << 16)
    taken = fill(writer, sent)
    assert taken < 2 << 20, "what is on its way is bounded"
    # The other direction is not held up by it.
    reader.send(b"\x82\x01x")
    assert exactly(writer, 3) == b"\x82\x01x"
    got = gevent.spawn(exactly, reader, len(sent))
    while taken < len(sent):
        more = fill(writer, sent[taken:])
        assert more
        taken += more
    assert got.get(timeout=30) == sent


def test_an_end_is_passed_on_and_the_other_direction_goes_on(joined: Joined):
    joined.client.send(b"\x82\x81" + KEY + b"b")
    joined.client.shutdown(socket.SHUT_WR)
    assert exactly(joined.upstream, 100) == b"\x82\x81" + KEY + b"b"
    joined.upstream.send(b"\x82\x01a")
    assert exactly(joined.client, 3) == b"\x82\x01a"
    joined.upstream.close()
    assert exactly(joined.client, 1) == b""
    assert joined.is_over()


@pytest.mark.parametrize("dying", ["client", "upstream"])
def test_a_reset_ends_both(joined: Joined, dying: str):
    dead, other = (joined.client, joined.upstream) if dying == "client" else (joined.upstream, joined.client)
    other.send(b"never read")
    until(lambda: select([dead], [], [], 0)[0])
    dead.close()  # a unix socket closed with unread bytes resets
    assert joined.is_over()
    joined.channel.close()
    assert exactly(other, 1) == b""


def test_what_waits_for_a_slow_reader_arrives_after_the_writer_has_ended(joined: Joined):
    data = bytes(1 << 20)
    taken = fill(joined.upstream, data)
    joined.upstream.close()
    assert len(exactly(joined.client, taken + 1)) == taken
    joined.client.close()
    assert joined.is_over()


def test_idle_ends_with_a_close_frame_to_both(make):
    joined = make(idle=0.1)
    assert exactly(joined.client, 4) == BYE
    header = exactly(joined.upstream, 8)
    assert header == tunnel_oracle.close_frame(1001, header[2:6])
    joined.client.send(tunnel_oracle.close_frame(1001, KEY))
    joined.upstream.send(BYE)
    assert joined.is_over(1.0), "not before the closing handshake is done"


def test_a_byte_now_and_then_keeps_it(make):
    joined = make(idle=1.2)
    for _ in range(4):
        gevent.sleep(0.4)
        joined.upstream.send(frame(b"", 9))
        assert exactly(joined.client, 2) == frame(b"", 9)
    assert not joined.running.ready()


def test_idle_in_the_middle_of_a_frame_just_ends(make):
    joined = make(idle=0.1)
    joined.upstream.send(b"\x82\x05abc")
    joined.client.send(b"\x82\x85ab")
    assert joined.is_over()
    joined.channel.close()
    assert exactly(joined.client, 100) == b"\x82\x05abc"


def test_draining_waits_for_the_end_of_a_frame(joined: Joined):
    joined.upstream.send(b"\x82\x05abc")
    assert exactly(joined.client, 5) == b"\x82\x05abc"
    joined.tunnel.drain()
    header = exactly(joined.upstream, 8)  # the other direction stands between two frames
    assert header == tunnel_oracle.close_frame(1001, header[2:6])
    joined.upstream.send(b"de" + frame(b"dropped"))
    assert exactly(joined.client, 6) == b"de" + BYE
    joined.client.send(frame(b"dropped", 2, KEY) + frame(b"\x03\xe9", 8, KEY))
    joined.upstream.send(frame(b"\x03\xe9", 8))
    assert joined.is_over(1.0)
    assert exactly(joined.upstream, 1) == b""


def test_one_that_begins_while_the_gateway_drains_ends_at_once(make):
    joined = make(early=b"\x82\x01a\x82", drained=True)
    assert exactly(joined.upstream, 8)[:2] == b"\x88\x82"
    assert exactly(joined.client, 4) == BYE
    joined.client.close()
    joined.upstream.close()
    assert joined.is_over(1.0)


def test_draining_does_not_break_into_a_closing_handshake(joined: Joined):
    joined.client.send(frame(b"\x0f\xa0", 8, KEY))
    assert exactly(joined.upstream, 8) == frame(b"\x0f\xa0", 8, KEY)
    joined.tunnel.drain()
    joined.upstream.send(frame(b"\x0f\xa0", 8))
    joined.upstream.close()
    assert exactly(joined.client, 100) == frame(b"\x0f\xa0", 8)
    joined.client.close()
    assert joined.is_over()


def test_who_does_not_answer_a_close_frame_is_left(joined: Joined):
    began = monotonic()
    joined.tunnel.drain()
    assert joined.is_over(4.0)
    assert 1.5 < monotonic() - began < 3.5


def test_two_that_have_said_goodbye_are_parted(joined: Joined):
    joined.client.send(frame(b"\x03\xe8", 8, KEY))
    joined.upstream.send(frame(b"\x03\xe8", 8))
    assert exactly(joined.client, 4) == frame(b"\x03\xe8", 8)
    assert joined.is_over(4.0), "neither of them closed its connection"


def test_a_client_channel_that_is_closed_ends_it(joined: Joined):
    joined.channel.close()
    assert joined.is_over()
    assert exactly(joined.upstream, 1) == b""


def test_a_tunnel_that_was_never_entered_gives_its_connection_up():
    near, far = socket.socketpair()
    owner = Owner(Channel(near))
    tunnel = Tunnel(owner, owner.channel)
    del tunnel
    gc.collect()
    assert owner.released == [False]
    far.close()


def test_closing_twice_releases_once():
    near, far = socket.socketpair()
    owner = Owner(Channel(near))
    tunnel = Tunnel(owner, owner.channel)
    assert list(tunnel) == []
    tunnel.close()
    tunnel.close()
    assert owner.released == [False]
    far.close()
