"""`_fast.channel` on real sockets: reading, waiting, being woken, noticing that the other end left."""

from __future__ import annotations

import errno
import select
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
import gevent.event
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.channel import Channel, Interrupted, TimedOut
from tests.oracles.channel_oracle import Stream
from tests.support.drawing import examples
from tests.support.greenlets import until

READ, WRITE = 1, 2
Ends = tuple[Channel, Any]


@pytest.fixture
def ends() -> Iterator[Ends]:
    near, far = socket.socketpair()
    channel = Channel(near)
    yield channel, far
    channel.close()
    far.close()


# Reading and writing


def test_reads_what_is_there(ends: Ends):
    channel, far = ends
    far.sendall(b"hello")
    assert channel.read(3, 1) == b"hel"
    assert channel.read(10, 1) == b"lo"


def test_waits_for_what_is_not_there_yet(ends: Ends):
    channel, far = ends
    gevent.spawn_later(0.01, far.sendall, b"late")
    assert channel.read(10, 1) == b"late"


def test_the_end_of_the_stream_is_empty_again_and_again(ends: Ends):
    channel, far = ends
    far.sendall(b"x")
    far.close()
    assert [channel.read(10, 1) for _ in range(3)] == [b"x", b"", b""]
    assert channel.gone


def test_a_reset_is_an_error(ends: Ends):
    channel, far = ends
    channel.write(b"never read", 1)
    far.close()  # a unix socket closed with unread bytes resets
    with pytest.raises(OSError) as caught:
        channel.read(10, 1)
    assert caught.value.errno == errno.ECONNRESET
    assert channel.gone


def test_given_back_bytes_come_first(ends: Ends):
    channel, far = ends
    far.sendall(b"cd")
    channel.give_back(b"b")
    channel.give_back(b"a")
    assert channel.read(10, 1) == b"ab"
    assert channel.read(10, 1) == b"cd"


def test_writes_all_of_it_to_a_slow_reader(ends: Ends):
    channel, far = ends
    body = bytes(range(256)) * 8192
    far.setblocking(False)
    got = bytearray()

    def read_slowly() -> None:
        while len(got) < len(body):
            try:
                got.extend(far.recv(65536))
            except BlockingIOError:
                gevent.sleep(0.001)

    reader = gevent.spawn(read_slowly)
    channel.write(body, 30)
    reader.join()
    assert bytes(got) == body


def test_writing_to_one_that_left_is_an_error(ends: Ends):
    channel, far = ends
    far.close()
    with pytest.raises(OSError) as caught:
        channel.write(b"x", 1)
    assert caught.value.errno == errno.EPIPE


@examples(60)
@given(
    st.lists(
        st.one_of(st.binary(min_size=1, max_size=40), st.sampled_from(["read", "back", "end", "turn"])), max_size=20
    )
)
def test_reads_what_the_oracle_allows(steps: list[bytes | str]):
    near, far = socket.socketpair()
    channel, oracle, last = Channel(near), Stream(), b""
    try:
        for step in steps:
            if isinstance(step, bytes):
                if not oracle.ended:
                    far.sendall(step)
                    oracle.sent(step)
            elif step == "end":
                far.shutdown(socket.SHUT_WR)
                oracle.end()
            elif step == "turn":
                gevent.sleep(0)
            elif step == "back":
                channel.give_back(last)
                oracle.give_back(last)
                last = b""
            elif oracle.has_input:
                last = channel.read(16, 1)
                assert oracle.takes(last)
    finally:
        channel.close()
        far.close()


# Deadlines


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.3])
def test_a_wait_ends_at_its_deadline(ends: Ends, seconds: float):
    channel, _ = ends
    gevent.get_hub().loop.update_now()  # else the bell's time runs from when the loop last looked at a clock
    started, late = monotonic(), []
    bell = gevent.spawn_later(seconds + 0.25, late.append, 1)
    with pytest.raises(TimedOut):
        channel.read(1, seconds)
    assert seconds <= monotonic() - started and not late
    bell.kill()


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_is_no_wait(ends: Ends, seconds: float):
    channel, _ = ends
    with pytest.raises(TimedOut):
        channel.read(1, seconds)


def test_bytes_that_are_there_need_no_time(ends: Ends):
    channel, _ = ends
    channel.give_back(b"x")
    assert channel.read(1, 0) == b"x"


def test_a_blocked_write_ends_at_its_deadline(ends: Ends):
    channel, _ = ends
    with pytest.raises(TimedOut):
        channel.write(b"x" * 10_000_000, 0.05)


def test_many_waits_end_each_at_its_own_deadline():
    pairs = [socket.socketpair() for _ in range(40)]
    channels = [Channel(near) for near, _ in pairs]
    ended: dict[int, float] = {}
    started, late = monotonic(), set()
    bells = [gevent.spawn_later(0.02 + index * 0.005 + 0.25, late.add, index) for index in range(40)]

    def wait(index: int) -> None:
        with pytest.raises(TimedOut):
            channels[index].read(1, 0.02 + index * 0.005)
        assert index not in late
        ended[index] = monotonic() - started

    gevent.joinall([gevent.spawn(wait, index) for index in range(40)], raise_error=True)
    for index, seconds in ended.items():
        assert 0.02 + index * 0.005 <= seconds
    gevent.killall(bells)
    for channel, (_, far) in zip(channels, pairs, strict=True):
        channel.close()
        far.close()


def test_a_timer_that_slept_works_again(ends: Ends):
    channel, far = ends
    for _ in range(2):
        with pytest.raises(TimedOut):
            channel.read(1, 0.02)
        gevent.sleep(0.1)  # the sweep finds its list empty and stops
    far.sendall(b"x")
    assert channel.read(1, 1) == b"x"


def test_a_killed_waiter_leaves_the_channel_usable(ends: Ends):
    channel, far = ends
    waiter = gevent.spawn(channel.read, 1, 5)
    gevent.idle()  # it waits by now
    waiter.kill()
    far.sendall(b"x")
    assert channel.read(1, 1) == b"x"


def test_two_greenlets_never_wait_on_one_channel(ends: Ends):
    channel, far = ends
    waiter = gevent.spawn(channel.read, 1, 5)
    gevent.idle()  # it waits by now
    with pytest.raises(RuntimeError):
        channel.read(1, 1)
    far.sendall(b"x")
    assert waiter.get(timeout=1) == b"x"


def test_waits_for_either_event(ends: Ends):
    channel, far = ends
    assert channel.wait_for(READ | WRITE, 1) == WRITE
    with pytest.raises(TimedOut):
        channel.write(b"x" * 10_000_000, 0.02)
    far.sendall(b"y")
    assert channel.wait_for(READ | WRITE, 1) == READ


# Closing


def test_close_wakes_who_waits(ends: Ends):
    channel, _ = ends
    waiter = gevent.spawn(channel.read, 1, 5)
    gevent.idle()  # it waits by now
    channel.close()
    with pytest.raises(OSError):
        waiter.get(timeout=1)


def test_close_does_not_wake_one_that_was_killed_meanwhile(ends: Ends):
    channel, _ = ends
    rest = gevent.event.Event()

    def wait() -> bool:
        try:
            channel.read(1, 5)
        except BaseException:
            return rest.wait(0.1)
        return False

    waiter = gevent.spawn(wait)
    gevent.idle()
    waiter.kill(block=False)
    channel.close()
    assert waiter.get(timeout=1) is False, "only its own timeout ended the wait"


def test_a_closed_channel_refuses_everything(ends: Ends):
    channel, _ = ends
    channel.close()
    channel.close()
    channel.abort()
    assert channel.closed and channel.stale()
    for call in (lambda: channel.read(1, 1), lambda: channel.write(b"x", 1), lambda: channel.wait_for(READ, 1)):
        with pytest.raises(OSError):
            call()


def test_abort_resets():
    listener = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listener.getsockname())
    far, _ = listener.accept()
    channel = Channel(near)
    channel.write(b"half", 1)
    assert far.recv(10) == b"half"
    channel.abort()
    with pytest.raises(ConnectionResetError):
        far.recv(10)
    far.close()
    listener.close()


# An idle connection


def test_a_quiet_idle_channel_is_not_stale(ends: Ends):
    channel, _ = ends
    channel.rest_idle()
    gevent.sleep(0.01)
    assert not channel.stale()


def test_one_whose_other_end_left_is_stale(ends: Ends):
    channel, far = ends
    far.close()
    until(channel.stale)
    assert channel.gone


def test_one_that_has_unasked_bytes_is_stale(ends: Ends):
    channel, far = ends
    far.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    until(channel.stale)
    assert channel.unread and not channel.gone


def test_given_back_bytes_make_it_stale(ends: Ends):
    channel, _ = ends
    channel.give_back(b"x")
    assert channel.stale()


def test_bytes_noticed_before_they_were_read_leave_no_mark(ends: Ends):
    channel, far = ends
    far.sendall(b"x")
    until(lambda: channel.unread)
    assert channel.read(10, 1) == b"x"
    channel.rest_idle()
    assert not channel.stale()
    far.close()
    until(channel.stale)


def test_a_read_that_filled_its_buffer_leaves_the_watch_on(ends: Ends):
    channel, far = ends
    far.sendall(b"xy")
    until(lambda: channel.unread)
    assert channel.read(2, 1) == b"xy"
    channel.rest_idle()
    gevent.sleep(0.01)
    assert not channel.stale()
    far.sendall(b"z")
    until(channel.stale)


# Linked channels


@pytest.fixture
def linked(ends: Ends) -> Iterator[tuple[Any, Channel]]:
    """(far end of the client, upstream's channel)."""
    channel, far = ends
    near, other = socket.socketpair()
    upstream = Channel(near)
    channel.linked = upstream
    yield far, upstream
    upstream.close()
    other.close()


def test_the_linked_wait_ends_when_the_other_end_leaves(linked: tuple[Any, Channel]):
    far, upstream = linked
    gevent.spawn_later(0.02, far.close)
    started = monotonic()
    with pytest.raises(Interrupted):
        upstream.read(1, 30)
    assert monotonic() - started < 1


def test_the_next_wait_ends_when_it_left_between_two(ends: Ends, linked: tuple[Any, Channel]):
    far, upstream = linked
    far.close()
    until(lambda: ends[0].gone)
    with pytest.raises(Interrupted):
        upstream.read(1, 30)


def test_idle_forgets_the_interrupt(ends: Ends, linked: tuple[Any, Channel]):
    far, upstream = linked
    far.close()
    until(lambda: ends[0].gone)
    upstream.rest_idle()
    with pytest.raises(TimedOut):
        upstream.read(1, 0.4)


def test_bytes_of_a_client_do_not_interrupt(linked: tuple[Any, Channel]):
    far, upstream = linked
    far.sendall(b"GET /next HTTP/1.1\r\n")
    with pytest.raises(TimedOut):
        upstream.read(1, 0.05)


def test_the_end_behind_bytes_that_nobody_reads_is_seen(ends: Ends, linked: tuple[Any, Channel]):
    channel, (far, upstream) = ends[0], linked
    channel.ahead = True
    far.sendall(b"GET /next HTTP/1.1\r\n")
    gevent.spawn_later(0.02, far.shutdown, socket.SHUT_WR)
    with pytest.raises(Interrupted):
        upstream.read(1, 5)
    assert channel.read(100, 1) == b"GET /next HTTP/1.1\r\n"
    assert channel.read(100, 1) == b""


def test_what_is_taken_ahead_is_bounded_and_in_order(ends: Ends, linked: tuple[Any, Channel]):
    channel, (far, _) = ends[0], linked
    channel.ahead = True
    sent = bytes(range(256)) * 400
    gevent.spawn(far.sendall, sent)
    until(lambda: channel.unread)
    got = channel.read(10, 1)
    assert 16_384 <= len(got) <= 32_768
    while len(got) < len(sent):
        got += channel.read(65_536, 1)
    assert got == sent


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder: Path = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def shake(*sides: ssl.SSLSocket) -> None:
    """Do both sides' handshakes in one thread."""
    left = list(sides)
    for _ in range(50):
        for side in list(left):
            try:
                side.do_handshake()
                left.remove(side)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
        if not left:
            return
        select.select([side.fileno() for side in left], [], [], 0.05)
    raise AssertionError("no handshake")


@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
def tls(request: pytest.FixtureRequest, certificate: tuple[str, str]) -> Iterator[tuple[Channel, ssl.SSLSocket]]:
    """(channel of a TLS client, the server's socket); on TLS 1.3 the server has just sent session tickets."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    client = ssl.create_default_context(cafile=certificate[0])
    client.minimum_version = client.maximum_version = ssl.TLSVersion[request.param]
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    inner = client.wrap_socket(near, server_hostname="localhost", do_handshake_on_connect=False)
    outer = server.wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    shake(inner, outer)
    channel = Channel(inner)
    yield channel, outer
    channel.close()
    outer.close()


Tls = tuple[Channel, ssl.SSLSocket]


def test_tls_session_tickets_do_not_look_like_an_answer(tls: Tls):
    channel, _ = tls
    assert channel.tls
    channel.rest_idle()
    for _ in range(5):
        gevent.sleep(0.002)
        assert not channel.stale()


def test_tls_unasked_bytes_do(tls: Tls):
    channel, far = tls
    gevent.sleep(0.002)
    far.send(b"surprise")
    until(channel.stale)
    assert channel.unread and not channel.gone


def test_tls_a_proper_end_makes_it_stale_and_is_no_cut(tls: Tls):
    channel, far = tls
    gevent.sleep(0.002)
    with pytest.raises((ssl.SSLWantReadError, ssl.SSLError, OSError)):
        far.unwrap()
    until(channel.stale)
    assert channel.gone and not channel.cut


def test_tls_an_end_without_close_notify_is_a_cut(tls: Tls):
    channel, far = tls
    far.shutdown(socket.SHUT_WR)
    assert channel.read(10, 1) == b""
    assert channel.gone and channel.cut


def test_tls_reads_and_writes(tls: Tls):
    channel, far = tls
    channel.write(b"ping", 1)
    assert far.recv(10) == b"ping"
    far.send(b"pong")
    assert channel.read(2, 1) + channel.read(10, 1) == b"pong"


def test_tls_bytes_inside_the_tls_layer_are_not_waited_for(tls: Tls):
    channel, far = tls
    far.send(b"x" * 16000)
    assert channel.read(100, 1) == b"x" * 100
    assert len(channel.read(16384, 0)) == 15900


def test_tls_bytes_left_inside_the_tls_layer_make_it_stale(tls: Tls):
    channel, far = tls
    far.send(b"x" * 200)
    assert channel.read(100, 1) == b"x" * 100
    channel.rest_idle()
    assert channel.stale()


def test_tls_a_long_body_goes_both_ways(tls: Tls):
    channel, far = tls
    body = bytes(range(256)) * 4096
    got = bytearray()

    def echo() -> None:
        while len(got) < len(body):
            try:
                got.extend(far.recv(65536))
            except ssl.SSLWantReadError:
                gevent.sleep(0.001)

    reader = gevent.spawn(echo)
    channel.write(body, 30)
    reader.join()
    assert bytes(got) == body


def test_tls_a_client_that_leaves_interrupts(tls: Tls, ends: Ends):
    channel, far = tls
    upstream, _ = ends
    gevent.sleep(0.002)
    channel.linked = upstream
    with pytest.raises((ssl.SSLWantReadError, OSError)):
        far.unwrap()
    with pytest.raises(Interrupted):
        upstream.read(1, 30)


def test_tls_waits_end_at_their_deadline(tls: Tls):
    channel, _ = tls
    with pytest.raises(TimedOut):
        channel.read(1, 0.05)
