"""Bodies that are read here and still go on."""

import io

import pytest

from gateway.errors import BODY_TOO_LARGE, MALFORMED_BODY, GatewayError
from gateway.http.body import SizeLimitedBody, read_whole
from tests.exchanges import exchange


class Slowly:
    """Gives `most` bytes at a time, and fails when it is asked for more than there may be."""

    def __init__(self, data, most=3, allowed=None):
        self.stream, self.most, self.left = io.BytesIO(data), most, allowed

    def read(self, size=-1):
        if self.left is not None:
            assert size <= self.left
        piece = self.stream.read(min(self.most, size) if size >= 0 else -1)
        if self.left is not None:
            self.left -= len(piece)
        return piece


@pytest.mark.parametrize("length", [10, -1])
def test_the_upstream_gets_what_was_read(length):
    made = exchange("POST", body=Slowly(b"0123456789"), body_length=length)
    assert read_whole(made, 10) == b"0123456789"
    assert made.body_length == length
    assert not made.body.done
    assert [made.body.read(4), made.body.read(), made.body.read(4)] == [b"0123", b"456789", b""]
    assert made.body.done


def test_what_follows_the_body_on_the_connection_is_not_asked_for():
    made = exchange("POST", body=Slowly(b"0123456789", allowed=5), body_length=5)
    assert read_whole(made, 100) == b"01234"


@pytest.mark.parametrize(("length", "kind"), [(-1, BODY_TOO_LARGE), (30, MALFORMED_BODY)])
def test_too_much_and_too_little(length, kind):
    made = exchange("POST", body=Slowly(b"0123456789"), body_length=length)
    with pytest.raises(GatewayError) as caught:
        read_whole(made, 9 if length < 0 else 100)
    assert caught.value.kind is kind


def test_what_is_announced_as_too_large_is_refused_before_any_of_it_is_read():
    made = exchange("POST", body=Slowly(b"0123456789", allowed=0), body_length=1 << 31)
    with pytest.raises(GatewayError) as caught:
        read_whole(made, 9)
    assert caught.value.kind is BODY_TOO_LARGE


def test_no_body_is_an_empty_one():
    assert read_whole(exchange("POST"), 9) == b""


def test_a_body_of_unknown_length_is_counted_on_its_way():
    body = SizeLimitedBody(Slowly(b"0123456789"), 10)
    assert body.read() == b"0123456789"
    body = SizeLimitedBody(Slowly(b"0123456789"), 5)
    assert body.read(3) == b"012"
    with pytest.raises(GatewayError) as caught:
        body.read(3)
    assert caught.value.kind is BODY_TOO_LARGE
    assert not body.done
