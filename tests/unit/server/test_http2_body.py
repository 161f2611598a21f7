"""The body of an HTTP/2 request: what is at hand, and what bounds it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import gevent
import pytest

from gateway._fast.channel import Channel
from gateway.http.grpc import Sizes, frame
from gateway.server.http2.body import AT_HAND, Body


class Stream:
    """What a body needs of its stream."""

    def __init__(self) -> None:
        ours, self.bell = socket.socketpair()
        self.channel = Channel(ours)
        self.credit = 0

    def consumed(self, size: int) -> None:
        self.credit += size

    def go_on(self) -> None:
        raise AssertionError("nobody waits for a 100")

    def fail(self, slug: str, detail: str) -> Exception:
        return ValueError(slug)


Make = Callable[..., Body]


@pytest.fixture
def made() -> Iterator[Make]:
    """Makes bodies of at most so many bytes, which may be still for 50 ms."""
    streams: list[Stream] = []

    def make(limit: int = 100) -> Body:
        streams.append(Stream())
        return Body(streams[-1], limit=limit, timeout=0.05, expects=False)

    yield make
    for stream in streams:
        stream.channel.close()
        stream.bell.close()


def test_a_body_is_at_hand_when_its_end_has_come(made: Make) -> None:
    body = made(10 * AT_HAND)
    body.deliver(b"some")
    assert not body.at_hand and not body.done
    body.end()
    assert body.at_hand and not body.done
    assert (body.read(), body.done, body.at_hand) == (b"some", True, True)


def test_a_large_one_is_not(made: Make) -> None:
    body = made(10 * AT_HAND)
    for _ in range(3):
        body.deliver(b"x" * (AT_HAND // 2))
    body.end()
    assert not body.at_hand
    body.read(AT_HAND)
    assert body.at_hand


def test_a_body_is_bounded_as_a_whole_or_message_by_message(made: Make) -> None:
    body = made()
    body.deliver(frame(b"x" * 80))
    assert len(body.read(1000)) == 85
    body.deliver(frame(b"x" * 80))
    with pytest.raises(ValueError, match="body-too-large"):
        body.read(1000)
    body = made()
    body.bound(Sizes(100).fits)
    for _ in range(5):
        body.deliver(frame(b"x" * 80))
        assert len(body.read(1000)) == 85
    body.deliver(frame(b"x" * 101)[:5])
    with pytest.raises(ValueError, match="body-too-large"):
        body.read(1000)


def test_who_sends_messages_may_pause(made: Make) -> None:
    body = made()
    with pytest.raises(ValueError, match="request-timeout"):
        body.read(1)
    body = made()
    body.bound(Sizes(100).fits)
    reading = gevent.spawn(body.read, 10)
    assert not gevent.wait([reading], timeout=0.2)
    body.deliver(b"\0")
    assert reading.get() == b"\0"
