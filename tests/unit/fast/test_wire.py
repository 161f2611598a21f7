"""`_fast.http1_client` against its oracle; whole exchanges are in tests/wire/upstream."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from gateway._fast.http1_client import decode_chunks, forwarding_fields
from gateway._fast.http1_head import Refused
from tests.oracles import wire_oracle

TOKENS = st.sampled_from(
    [
        b"0",
        b"1",
        b"5",
        b"a",
        b"F",
        b"10",
        b"\r\n",
        b"\n",
        b"\r",
        b";",
        b" ",
        b"\t",
        b"x=y",
        b"X: y",
        b"hello",
        b"\0",
        b":",
    ]
)
SCRAPS = st.lists(TOKENS, max_size=24).map(b"".join)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A well-formed chunked body, with something behind it or cut off now and then."""
    raw = b""
    for piece in draw(st.lists(st.binary(min_size=1, max_size=40), max_size=4)):
        size = draw(st.sampled_from([b"%x", b"%X", b"0%x"])) % len(piece)
        raw += size + draw(st.sampled_from([b"", b";a", b" ;a=b"])) + b"\r\n" + piece + b"\r\n"
    raw += (
        b"0\r\n" + draw(st.sampled_from([b"", b"X: y\r\n", b"X: y\r\nZ:\r\n"])) + b"\r\n" + draw(st.binary(max_size=3))
    )
    return raw[: draw(st.integers(0, len(raw)))] if draw(st.booleans()) else raw


def outcome(decode, malformed: type[Exception], data: bytes):
    try:
        return decode(data)
    except malformed:
        return "malformed"


@given(st.one_of(SCRAPS, bodies()))
@example(b"5\r\nhello\r\n0\r\n\r\n")
@example(b"0\r\n\r")
@example(b"1\r\nx" + b"\r" * 3)
@example(b"f" * 15 + b"\r\n")
def test_chunks_are_decoded_as_the_oracle_does(data: bytes):
    theirs = outcome(wire_oracle.decode_chunks, wire_oracle.Malformed, data)
    assert outcome(decode_chunks, Refused, data) == theirs


ADDRESSES = st.sampled_from(["192.0.2.1", "2001:db8::1", "", "_hidden", "unknown", "10.0.0.1:80", 'a"b\\'])
GIVEN = st.dictionaries(
    st.sampled_from(
        ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded", "x-real-ip"]
    ),
    st.sampled_from(["", "1.1.1.1", "1.1.1.1, ::2 ,,", "https", "for=_x", "a.example", "8443"]),
)


@given(
    ADDRESSES,
    ADDRESSES,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["a.example", "a.example:80", "[::1]", "[::1]:8", ""]),
    GIVEN,
)
def test_forwarding_fields_are_the_oracles(peer: str, client: str, scheme: str, authority: str, given_: dict[str, str]):
    ours = forwarding_fields(peer, client, scheme, authority, given_)
    assert ours == wire_oracle.forwarding_fields(peer, client, scheme, authority, given_)
