"""A body that may have to be read again."""

from __future__ import annotations

import io

from gateway.upstream.replayable_body import KEPT, ReplayableBody


def test_a_body_can_be_read_once_more_while_it_is_small() -> None:
    body = ReplayableBody(io.BytesIO(b"abcdef"))
    assert body.read(4) == b"abcd" and body.rewind()
    assert body.read(2) == b"ab" and body.read(100) == b"cd" and body.read() == b"ef" and body.rewind()
    assert body.read(100) + body.read(100) + body.read(100) + body.read(100) == b"abcdef"
    large = ReplayableBody(io.BytesIO(b"x" * (KEPT + 1)))
    large.read()
    assert not large.rewind()
