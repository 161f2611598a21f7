"""compress: answers in the content coding that the client likes best (RFC 9110 section 12.5.3).

Answers that come whole are compressed whole, and so are small ones whose length is known; all others piece by piece,
each flushed so that it arrives when it came.  Left as they are: what is coded already, what says no-transform (RFC 9111
section 5.2.2.6), parts (206), what carries a digest of itself (RFC 9530), and what is smaller than `min_size`.

SECURITY: where an answer holds a secret beside what the client chose, its size tells of the secret (BREACH); such a
route has `compress: off`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import Step, Steps
from gateway.exchange import Exchange, Headers, Response
from gateway.http.accept_encoding import choose
from gateway.http.content_coding import STREAMS, Encoder, encode
from gateway.http.media_type import is_allowed

#: PERF: bytes up to which a body is waited for: the memory that a stream takes costs more than the coding
#: (perf/scenarios/compress.toml, zstd-40k)
GATHERED: Final = 65536
#: RFC 9110 section 15: no content, or a part of it
_LEFT_ALONE = frozenset((101, 204, 205, 206))
_DIGESTS = frozenset(("content-digest", "repr-digest", "digest", "content-md5"))
#: what no longer holds once the content is coded
_OF_THE_PLAIN = frozenset(("content-length", "accept-ranges"))


@dataclass(frozen=True, slots=True)
class CompressOptions:
    """`types` are media types or ranges such as text/*; `min_size` is bytes."""

    algorithms: tuple[str, ...]
    min_size: int
    types: tuple[str, ...]


def compile(rules: CompressOptions) -> Steps:
    """The step on the way back."""
    offered, least = rules.algorithms, rules.min_size
    types = rules.types

    def on_response(exchange: Exchange, response: Response) -> None:
        if response.status == 304:
            _confirm(exchange.header("if-none-match"), response)
            return
        if response.status in _LEFT_ALONE or not _may_change(response.headers, types):
            return
        _vary(response.headers)
        if response.length is not None and response.length < least:
            return
        coding = choose(exchange.header("accept-encoding"), offered)
        if not coding:
            return
        body = b"" if exchange.method == "HEAD" else _gathered(response)
        if exchange.method == "HEAD":
            response.length = None
        elif isinstance(body, bytes):
            coded = encode(coding, body)
            if len(coded) >= len(body):
                return
            response.body, response.length = coded, len(coded)
        else:
            response.body, response.length = Coded(body, STREAMS[coding]()), None
        response.headers = [_weak(field) for field in response.headers if field[0].lower() not in _OF_THE_PLAIN]
        response.headers.append(("Content-Encoding", coding))

    return Steps(on_response=on_response)


class Coded:
    """A body that is compressed as it comes."""

    __slots__ = ("_body", "_encoder")

    def __init__(self, body: Iterable[bytes], encoder: Encoder) -> None:
        self._body = body
        self._encoder = encoder

    def __iter__(self) -> Iterator[bytes]:
        piece = self._encoder.piece
        for plain in self._body:
            if plain and (coded := piece(plain)):
                yield coded
        yield self._encoder.end()

    def close(self) -> None:
        """Close what it reads from."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


def _gathered(response: Response) -> bytes | Iterable[bytes]:
    """The body, whole where its length is known and small. Raises what reading raises."""
    body = response.body
    if isinstance(body, bytes) or response.length is None or response.length > GATHERED:
        return body
    whole = b"".join(body)
    response.close()
    response.body = whole
    return whole


def _may_change(headers: Headers, types: tuple[str, ...]) -> bool:
    """Whether the content is of a kind that is compressed, and nothing speaks against it."""
    taken = False
    for name, value in headers:
        lower = name.lower()
        if lower == "content-type":
            taken = _is_taken(value, types)
        elif lower == "content-encoding":
            if value.strip().lower() not in ("", "identity"):
                return False
        elif lower == "cache-control":
            if "no-transform" in value.lower():
                return False
        elif lower in _DIGESTS:
            return False
    return taken


@lru_cache(maxsize=1024)
def _is_taken(content_type: str, ranges: tuple[str, ...]) -> bool:
    return is_allowed(content_type.partition(";")[0].strip().lower(), ranges)


def _vary(headers: Headers) -> None:
    """Say that the answer depends on Accept-Encoding (RFC 9110 section 12.5.5), whatever it came to this time."""
    for name, value in headers:
        if name.lower() == "vary" and any(
            each.strip().lower() in ("*", "accept-encoding") for each in value.split(",")
        ):
            return
    headers.append(("Vary", "Accept-Encoding"))


def _confirm(held: str | None, response: Response) -> None:
    """A 304 has the fields that its 200 would have had (RFC 9110 section 15.4.5): who holds a weak tag has it coded."""
    if held is not None:
        weak = [_weak(field) for field in response.headers]
        if any(new != old and new[1] in held for new, old in zip(weak, response.headers, strict=True)):
            response.headers = weak
            _vary(response.headers)


def _weak(field: tuple[str, str]) -> tuple[str, str]:
    """A strong ETag names exact bytes (RFC 9110 section 8.8.3), and these are others now."""
    name, value = field
    return (name, f"W/{value}") if name.lower() == "etag" and value.startswith('"') else field


class CompressCompiler(Compiler):
    """Makes the step `compress`."""

    def __init__(self, context: CompileContext) -> None:
        """Nothing of it depends on the rest of the document."""

    def steps(self, route: Route) -> Iterator[Step]:
        """The step of a route."""
        spec = route.compress
        if spec is not None:
            rules = CompressOptions(spec.algorithms, spec.min_size, spec.types)
            yield Step("compress", spec.where, compile(rules))
