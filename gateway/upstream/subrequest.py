"""Requests that the gateway makes on a client's behalf: the parts of an aggregate, calls behind a REST route."""

from __future__ import annotations

import io
import json
from math import isfinite
from time import monotonic
from typing import Any, Final, NoReturn

from gateway._fast.exchange_slots import another
from gateway._fast.headers import Edit
from gateway._fast.json import Reader
from gateway.contracts import Fetch
from gateway.errors import UPSTREAM_BAD_ANSWER, GatewayError
from gateway.exchange import Exchange, Response

#: bytes of the largest answer
ANSWER_MAX: Final = 1 << 20
#: arrays and objects in each other that are read quickly
DEEPEST: Final = 200
#: what speaks of the client's own request, not of ours (RFC 9110 sections 8, 13, 14)
_LEFT_OUT: Final = Edit(
    (
        *("accept", "accept-encoding", "content-length", "content-type", "content-encoding", "expect", "range"),
        *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "te", "upgrade"),
    )
)
_OURS: Final = (("Accept", "application/json"), ("Accept-Encoding", "identity"))
_read = Reader(DEEPEST, ANSWER_MAX).read


def subrequest(
    exchange: Exchange,
    method: str,
    target: str,
    total: float,
    body: bytes | None = None,
    keep: frozenset[str] | None = None,
) -> Exchange:
    """A request of its own, of at most `total` seconds, that asks for JSON; `body` is JSON.

    `keep` are the client's header fields (lower case) that go along, None = all that are not about its own request.
    """
    fields = exchange.headers if exchange.outgoing is None else exchange.outgoing
    if keep is not None:
        fields = [field for field in fields if field[0].lower() in keep]
    # PERF: attribute by attribute it takes thrice as long; perf/scenarios/aggregate.toml.
    made = another(exchange, method, target, _LEFT_OUT.copy(fields, _OURS), monotonic() + total)
    made.hurried = exchange.hurried  # a client's short deadline says nothing of who is asked
    if body is not None:
        made.headers.append(("Content-Type", "application/json"))
        made.body, made.body_length = io.BytesIO(body), len(body)
    return made


def parsed(data: bytes) -> tuple[Any, bytes]:
    """The JSON value of an answer, and the JSON text that says just this. Raises ValueError, RecursionError.

    The text is b"" where there is none: what readers differ in, such as a member that is there twice, is written anew.
    """
    try:
        return _read(data), data  # PERF: twice as fast as the standard library; perf/micro/bench_json.py
    except ValueError:
        return json.loads(data, parse_constant=_finite, parse_float=_finite), b""


def whole(response: Response, upstream: str) -> bytes:
    """The body to its end. Raises GatewayError for one of more than ANSWER_MAX, and what reading raises."""
    body = response.body
    if isinstance(body, bytes):
        return body if len(body) <= ANSWER_MAX else _too_large(upstream)
    pieces, size = [], 0
    for piece in body:
        size += len(piece)
        if size > ANSWER_MAX:
            _too_large(upstream)
        pieces.append(piece)
    return b"".join(pieces)


def fetch_whole(fetch: Fetch, exchange: Exchange, request: Exchange, upstream: str) -> tuple[Response, bytes]:
    """The answer to a leg, with its body; what the log says of the exchange is taken from it. Raises GatewayError."""
    try:
        response = fetch(request)
        try:
            return response, whole(response, upstream)
        finally:
            response.close()
    finally:
        note(exchange, request, upstream)


def note(exchange: Exchange, request: Exchange, upstream: str) -> None:
    """What the log says of an exchange that had one leg."""
    exchange.upstream, exchange.address = upstream, request.address
    exchange.attempts += request.attempts
    exchange.marks |= request.marks
    exchange.upstream_started = exchange.upstream_started or request.upstream_started
    exchange.upstream_time += request.upstream_time


def _finite(text: str) -> float:
    """A number that JSON has; Python reads NaN, Infinity and 1e999 too."""
    if not isfinite(number := float(text)):
        raise ValueError(f"{text[:20]} is no number of JSON")
    return number


def _too_large(upstream: str) -> NoReturn:
    raise GatewayError(UPSTREAM_BAD_ANSWER, f"The answer of the upstream {upstream} is larger than 1 MB.")
