"""A chunked body that is on its way when the upstream speaks: wherever its reader stands, nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
import pytest

from gateway._fast.http1_client import decode_chunks
from tests.support.loop import App, connected, server
from tests.wire.upstream.play import FakeUpstream, Owner, Side, body_of, exchange, start

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"1\r\nx\r\n5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n"
#: how much of the body is there when the upstream speaks: in each part of it, and between any two
PLACES = [6, 7, 8, 9, 11, 14, 15, 16, 17, 18, 19, 20, 22, 25, 29, len(BODY) - 1]


def forwarding(owner: Owner) -> App:
    """An application that sends what it gets to the upstream, and its answer back."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        asked = exchange("POST")
        asked.environ["gateway.channel"] = environ["gateway.channel"]
        asked.body, asked.body_length = environ["wsgi.input"], -1
        answer = start(owner, asked)
        said = body_of(answer)
        start_response(f"{answer.status} Said", [])
        return [said]

    return app


def talk(script: Callable[[Side], None], pieces: list[bytes | float]) -> bytes:
    """What a client gets that sends `pieces`, and waits so many seconds in between."""
    upstream = FakeUpstream(script)
    owner = Owner(upstream.port)
    try:
        with connected(server(forwarding(owner), patience=3)) as client:
            for piece in pieces:
                if isinstance(piece, bytes):
                    client.sendall(piece)
                else:
                    gevent.sleep(piece)
            answer: bytes = client.recv(65536)
            return answer
    finally:
        owner.channel.close()
        upstream.stop()


@pytest.mark.parametrize("place", PLACES)
def test_rfc9112_9_5_an_early_answer_comes_though_the_client_stalls(place: int) -> None:
    def script(side: Side) -> None:
        side.until()
        gevent.sleep(0.02)
        side.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        side.rest()

    began = monotonic()
    answer = talk(script, [HEAD + BODY[:place]])
    assert answer.startswith(b"HTTP/1.1 413")
    assert answer.endswith(b"no")
    assert monotonic() - began < 2


@pytest.mark.parametrize("place", PLACES)
def test_rfc9110_15_2_an_interim_answer_costs_nothing_of_the_body(place: int) -> None:
    seen: list[bytes] = []

    def script(side: Side) -> None:
        side.until()
        gevent.sleep(0.02)
        side.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        seen.append(side.until(b"\r\n0\r\n\r\n"))
        side.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    assert talk(script, [HEAD + BODY[:place], 0.06, BODY[place:]]).startswith(b"HTTP/1.1 200")
    decoded = decode_chunks(seen[0])
    assert decoded is not None
    assert decoded[0] == b"xhello"
