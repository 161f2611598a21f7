"""Ranges: what is cut out, and several parts at once."""

from email import message_from_bytes

from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.ranges import slices
from gateway.cache.request_directives import RequestDirectives
from gateway.cache.response import respond_from_cache
from gateway.cache.rules import CacheOptions
from gateway.cache.stored_response import stored

BODY = bytes(range(256))


def test_several_parts() -> None:
    headers = [("Content-Type", "text/plain"), ("Cache-Control", "max-age=9")]
    kept = stored([], 200, headers, 256, (0.0, 0.0), CacheOptions())
    answer = respond_from_cache(RequestDirectives.of("GET", [("Range", "bytes=-2, 0-1,5-5")]), kept, BODY, 3)
    told = dict(answer.headers)
    assert (answer.status, told["Age"], answer.length) == (206, "3", len(answer.body))
    assert isinstance(answer.body, bytes)
    assert "Content-Range" not in told
    head = f"Content-Type: {told['Content-Type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + answer.body).get_payload()
    assert [(part["Content-Range"], part["Content-Type"], part.get_payload(decode=True)) for part in parts] == [
        ("bytes 254-255/256", "text/plain", b"\xfe\xff"),
        ("bytes 0-1/256", "text/plain", b"\0\1"),
        ("bytes 5-5/256", "text/plain", b"\5"),
    ]


@given(st.text("bytes=0123456789-, ", max_size=40), st.integers(0, 30))
def test_no_slice_is_beyond_the_body_nor_empty(text: str, length: int) -> None:
    found = slices("bytes=" + text, length)
    assert found is None or all(0 <= start < stop <= length for start, stop in found)
    assert found is None or sum(stop - start for start, stop in found) <= length


def test_numbers_without_end_are_no_ranges() -> None:
    assert slices(f"bytes=0-{'9' * 5000}", 10) is None
    assert slices("bytes=" + ",".join(f"{n}-{n}" for n in range(17)), 100) is None
    assert len(slices("bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(16)), 100) or ()) == 16
