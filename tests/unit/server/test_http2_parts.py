"""Frames cut from bytes, budgets, and what a conversation keeps within bounds."""

from __future__ import annotations

from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from h2.errors import ErrorCodes
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.http1_head import Limits
from gateway._fast.http1_server import Server, Settings
from gateway.server.http2.frames import PREFACE, Budget, Frames, GoAway
from gateway.server.http2.outgoing import SendBuffer
from gateway.server.http2.service import Service
from gateway.server.http2.session import FOREVER, Http2Session
from tests.support.http2 import frame, head


@given(st.lists(st.integers(0, 300), min_size=1, max_size=8), st.integers(1, 40))
def test_frames_come_whole_however_they_are_cut(sizes: list[int], step: int) -> None:
    data = PREFACE + b"".join(frame(6, 0, 0, b"p" * size) for size in sizes)
    frames, found = Frames(), []
    for at in range(0, len(data), step):
        found += frames.feed(data[at : at + step], 5.0)
        assert (frames.begun == 5.0) == (at + step < len(data) and not is_whole(data, at + step))
    assert [each.size for each in found] == sizes and b"".join(each.raw for each in found) == data[len(PREFACE) :]


def is_whole(data: bytes, at: int) -> bool:
    """Whether nothing is incomplete when the first `at` bytes have come."""
    end = len(PREFACE)
    while end < at:
        end += 9 + int.from_bytes(data[end : end + 3], "big")
    return end == at


def test_a_frame_of_data_may_take_its_time_and_a_head_may_not() -> None:
    frames = Frames()
    assert list(frames.feed(PREFACE + frame(0, 0, 1, b"xx")[:-1], 1.0)) == [] and frames.begun == 0.0
    frames = Frames()
    assert len(list(frames.feed(PREFACE + frame(1, 0, 1, b"xx"), 1.0))) == 1 and frames.begun == 1.0
    assert len(list(frames.feed(frame(9, 4, 1, b"xx"), 2.0))) == 1 and frames.begun == 0.0


def test_a_client_that_is_always_in_the_middle_of_a_frame_is_not_slow() -> None:
    frames, ping = Frames(), frame(6, 0, 0, bytes(8))
    list(frames.feed(PREFACE + ping[:5], 1.0))
    assert frames.begun == 1.0
    for second in range(2, 30):
        assert len(list(frames.feed(ping[5:] + ping[:5], float(second)))) == 1
        assert frames.begun == second


def test_what_is_no_preface_is_seen_at_its_first_byte() -> None:
    with pytest.raises(GoAway):
        list(Frames().feed(b"G", 0.0))


def test_a_budget() -> None:
    budget = Budget(3.0, 2.0, 10.0)
    assert [budget.spend(10.0) for _ in range(4)] == [True, True, True, False]
    budget = Budget(3.0, 2.0, 10.0)
    assert [budget.spend(at) for at in (10.0, 10.0, 10.0, 10.5, 10.5, 12.0)] == [True, True, True, True, False, True]
    budget.earn(100.0)
    assert [budget.spend(12.0) for _ in range(4)] == [True, True, True, False]


@pytest.fixture
def conversation() -> tuple[Http2Session, list[dict[str, Any]]]:
    """A conversation that has begun, and the environs that its application is called with."""
    calls: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        calls.append(dict(environ))
        start_response("200", [])
        return [b"hello"]

    server = Server(app, Settings(Limits(), 5.0, 5.0, 5.0, 1000), lambda slug, detail: ValueError(slug))
    outgoing = SendBuffer(SimpleNamespace(), lambda: 5.0, lambda: None)
    made = Http2Session(Service(server, 100), outgoing, {"REMOTE_ADDR": ""}, lambda: None)
    made.receive(PREFACE, monotonic())
    return made, calls


def test_the_clients_settings_do_not_grow_our_table(conversation: tuple[Http2Session, list[dict[str, Any]]]) -> None:
    talk, _ = conversation
    talk.receive(frame(4, 0, 0, b"\0\1" + (2**32 - 1).to_bytes(4, "big")), monotonic())
    assert talk._h2.encoder.header_table_size == 4096


def test_a_request_is_counted_and_let_go(conversation: tuple[Http2Session, list[dict[str, Any]]]) -> None:
    talk, calls = conversation
    block = Encoder().encode([(name.encode(), value.encode()) for name, value in head("/up/?q")])
    talk.receive(frame(1, 5, 1, block), monotonic())
    service = talk._service
    assert (service.requests, service.streams, len(talk.streams)) == (1, 1, 1) and talk.idle_since == 0.0
    talk._running.join()
    assert (service.requests, service.streams, len(talk.streams)) == (1, 0, 0) and talk.idle_since > 0.0
    assert calls[0]["RAW_URI"] == "/up/?q" and calls[0]["SERVER_PROTOCOL"] == "HTTP/2"


def test_after_its_last_stream_nothing_is_answered(conversation: tuple[Http2Session, list[dict[str, Any]]]) -> None:
    talk, calls = conversation
    encoder = Encoder()
    blocks = [encoder.encode([(name.encode(), value.encode()) for name, value in head()]) for _ in range(3)]
    talk.receive(frame(1, 5, 1, blocks[0]), monotonic())
    talk.goaway(ErrorCodes.NO_ERROR, last=FOREVER)
    talk.receive(frame(1, 5, 3, blocks[1]), monotonic())
    assert not talk.is_leaving
    talk.goaway(ErrorCodes.NO_ERROR)
    talk.receive(frame(1, 5, 5, blocks[2]), monotonic())
    talk._running.join()
    assert talk.is_leaving and len(calls) == 2
