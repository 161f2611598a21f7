"""What gRPC says beside HTTP/2: sizes of messages, content types, and how the gateway's own errors end a call."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import KINDS
from gateway.http.grpc import CODES, GrpcStatus, Sizes, code_for, ending, frame, is_call


@given(st.lists(st.integers(0, 40), max_size=8), st.integers(0, 40), st.integers(1, 60))
def test_sizes_are_seen_however_messages_are_cut(sizes: list[int], most: int, step: int) -> None:
    data = b"".join(frame(b"x" * size) for size in sizes)
    looks = Sizes(most)
    fits = all(looks.fits(data[at : at + step]) for at in range(0, len(data), step))
    assert fits is (max(sizes, default=0) <= most)


def test_a_message_is_too_large_as_soon_as_it_says_so() -> None:
    looks = Sizes(10)
    assert looks.fits(b"\0\0\0\0") and not looks.fits(b"\x0b")


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/grpc", True),
        ("application/grpc+proto", True),
        ("Application/gRPC+json", True),
        ("application/grpc; charset=utf-8", True),
        ("application/grpc-web", False),
        ("application/grpc-web+proto", False),
        ("application/grpcx", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_what_is_a_call(content_type: str, expected: bool) -> None:
    assert is_call(content_type) is expected


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_no_error_of_the_gateway_is_a_success(kind: object) -> None:
    assert 0 < code_for(kind.status) < len(CODES)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INTERNAL"), (401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED"), (404, "UNIMPLEMENTED"),
        (413, "RESOURCE_EXHAUSTED"), (415, "UNKNOWN"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"),
        (502, "UNAVAILABLE"), (503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED"),
    ],
)  # fmt: skip
def test_codes_for_statuses(status: int, name: str) -> None:
    assert CODES[code_for(status)][0] == name


@given(st.text())
def test_words_travel_as_visible_characters(words: str) -> None:
    words = words.encode("utf-8", "replace").decode()
    (_, code), (name, told) = ending(14, words)
    assert (code, name) == ("14", "grpc-message")
    assert all(" " <= sign <= "~" for sign in told)
    assert unquote(told) == words


def test_an_end_is_nothing_of_a_body() -> None:
    end = GrpcStatus.of([("grpc-status", "0")])
    assert end == b"" and not end and end.fields == [("grpc-status", "0")]
