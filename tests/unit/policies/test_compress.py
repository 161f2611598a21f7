"""compress: which answers are compressed, and what becomes of their fields."""

import gzip
import hashlib
from collections.abc import Iterator

import pytest

from gateway.exchange import Headers, Response
from gateway.policies.compress import policy as compress
from gateway.policies.compress.options import TYPES
from tests.exchanges import exchange

TEXT = b"all work and no play makes a dull day " * 50
RULES = compress.CompressOptions(("br", "gzip"), 1000, TYPES)
JSON = ("Content-Type", "application/json; charset=utf-8")


def walked(response: Response, accept: str | None = "gzip", method: str = "GET") -> Response:
    made = exchange(method, headers=[("Accept-Encoding", accept)] if accept is not None else [])
    hook = compress.compile(RULES).on_response
    assert hook is not None
    hook(made, response)
    return response


def answer(*headers: tuple[str, str], status: int = 200, body: bytes = TEXT) -> Response:
    return Response(status, [JSON, *headers, ("Content-Length", str(len(body)))], body)


def fields(response: Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers}


def test_what_is_text_is_compressed() -> None:
    made = walked(answer(("ETag", '"abc"'), ("Accept-Ranges", "bytes")))
    assert isinstance(made.body, bytes) and gzip.decompress(made.body) == TEXT
    assert made.length == len(made.body) < len(TEXT)
    assert fields(made) == {
        "content-type": JSON[1], "etag": 'W/"abc"', "vary": "Accept-Encoding", "content-encoding": "gzip"
    }  # fmt: skip


def test_a_weak_etag_stays_what_it_is() -> None:
    assert fields(walked(answer(("ETag", 'W/"abc"'))))["etag"] == 'W/"abc"'


@pytest.mark.parametrize(
    ("held", "tag", "vary"),
    [
        ('W/"abc"', 'W/"abc"', "Accept-Encoding"),  # it has the coded answer
        ('"x", W/"abc"', 'W/"abc"', "Accept-Encoding"),
        ('"abc"', '"abc"', None),  # it has the plain one
        ('W/"ab", W/"abcd"', '"abc"', None),
        ("*", '"abc"', None),
        (None, '"abc"', None),
    ],
)
def test_a_304_names_the_answer_that_the_client_has(held: str | None, tag: str, vary: str | None) -> None:
    made = exchange("GET", headers=[("Accept-Encoding", "gzip"), *([("If-None-Match", held)] if held else [])])
    response = Response(304, [("ETag", '"abc"')])
    hook = compress.compile(RULES).on_response
    assert hook is not None
    hook(made, response)
    assert (fields(response)["etag"], fields(response).get("vary")) == (tag, vary)


@pytest.mark.parametrize("accept", [None, "", "identity", "zstd", "gzip;q=0"])
def test_who_does_not_take_it_gets_it_as_it_is(accept: str | None) -> None:
    made = walked(answer(("ETag", '"abc"')), accept)
    assert made.body == TEXT and fields(made)["etag"] == '"abc"'
    assert fields(made)["vary"] == "Accept-Encoding"
    assert fields(made)["content-length"] == str(len(TEXT))


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Encoding", "br")],
        [("Cache-Control", "public, No-Transform")],
        [("Repr-Digest", "sha-256=:AA==:")],
        [("Content-MD5", "AA==")],
        [("Content-Type", "image/png")],
    ],
)
def test_what_is_left_alone(headers: Headers) -> None:
    made = Response(200, [*headers] if headers[0][0] == "Content-Type" else [JSON, *headers], TEXT)
    before = list(made.headers)
    assert walked(made).body == TEXT and made.headers == before


@pytest.mark.parametrize("status", [204, 206, 304])
def test_answers_without_content_or_with_a_part_of_it(status: int) -> None:
    assert "vary" not in fields(walked(answer(status=status)))


def test_small_ones_stay_and_say_that_others_may_not() -> None:
    made = walked(answer(body=b"x" * 999))
    assert made.body == b"x" * 999 and fields(made)["vary"] == "Accept-Encoding"


def test_what_would_grow_stays() -> None:
    noise = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(40))
    made = walked(answer(("ETag", '"abc"'), body=noise))
    assert made.body == noise and fields(made)["etag"] == '"abc"'


@pytest.mark.parametrize(("there", "expected"), [("Origin", 2), ("accept-encoding, Origin", 1), ("*", 1)])
def test_vary_is_said_once(there: str, expected: int) -> None:
    made = walked(answer(("Vary", there)))
    assert len([1 for name, _ in made.headers if name.lower() == "vary"]) == expected


def test_head_has_the_fields_of_get() -> None:
    made = walked(Response(200, [JSON, ("ETag", '"abc"'), ("Content-Length", "5000")], b"", 5000), method="HEAD")
    assert fields(made) == {
        "content-type": JSON[1], "etag": 'W/"abc"', "vary": "Accept-Encoding", "content-encoding": "gzip"
    }  # fmt: skip
    assert made.length is None


def test_a_stream_is_flushed_piece_by_piece_and_closed() -> None:
    class Body:
        is_closed = False

        def __iter__(self) -> Iterator[bytes]:
            yield from (b"one", b"", b"two")

        def close(self) -> None:
            self.is_closed = True

    body = Body()
    made = walked(Response(200, [JSON], body))
    pieces = list(made.body)
    assert len(pieces) == 3 and all(pieces) and gzip.decompress(b"".join(pieces)) == b"onetwo"
    made.close()
    assert body.is_closed


class Pieces:
    """A body in pieces that knows whether it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.closed = pieces, 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    def close(self) -> None:
        self.closed += 1


def test_a_small_one_of_known_length_is_compressed_whole() -> None:
    body = Pieces(TEXT[:100], TEXT[100:])
    made = walked(Response(200, [JSON], body, len(TEXT)))
    assert isinstance(made.body, bytes) and gzip.decompress(made.body) == TEXT
    assert (made.length, body.closed) == (len(made.body), 1)


def test_a_large_one_is_not_waited_for() -> None:
    pieces = [TEXT] * (compress.GATHERED // len(TEXT) + 1)
    made = walked(Response(200, [JSON], Pieces(*pieces), sum(map(len, pieces))))
    assert not isinstance(made.body, bytes) and made.length is None
    assert gzip.decompress(b"".join(made.body)) == b"".join(pieces)
