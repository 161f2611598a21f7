"""transform: other queries and other JSON for the upstream, other JSON for the client.

A body that is to be transformed is read whole, up to a bound.  On the way back that is every answer of 200 to 299 with
one of the listed types, or with none that can be read; so that the answer to a request is whole, ranges are not asked
for.

SECURITY: what should be transformed and cannot be is never passed on as it is: it may hold what the transform takes out
(tests/unit/policies/test_transform.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway._fast.headers import Edit
from gateway.contracts import OnRequest, OnResponse, Steps
from gateway.errors import INVALID_BODY, TRANSFORM_FAILED, UNSUPPORTED_MEDIA_TYPE, GatewayError
from gateway.exchange import Exchange, Response
from gateway.http.body import ReplayedBody, read_whole, too_large
from gateway.http.decompress import decompress
from gateway.http.json_reader import JsonReader
from gateway.http.media_type import is_allowed, parse

#: how many times its size a compressed body may become
RATIO: Final = 100
_NO_CONTENT: Final = frozenset((204, 205))
#: what no longer holds of a body that was made anew
_OF_THE_OLD: Final = frozenset(
    (
        *("content-length", "content-encoding", "accept-ranges"),
        *("content-digest", "repr-digest", "digest", "content-md5"),
    )
)
_NOT_ASKED: Final = frozenset(("accept-encoding", "range", "if-range"))
_PLAIN: Final = (("Accept-Encoding", "identity"),)

#: changes a query, or a JSON value
QueryChange = Callable[[str, Exchange], str]
JsonChange = Callable[[Any, Exchange], Any]


@dataclass(frozen=True, slots=True)
class Body:
    """How one kind of body is transformed; `most` is bytes, `types` are media types or ranges."""

    change: JsonChange
    most: int
    types: Sequence[str]
    reader: JsonReader


@dataclass(frozen=True, slots=True)
class TransformOptions:
    """What a route transforms; None = not that."""

    query: QueryChange | None = None
    request: Body | None = None
    response: Body | None = None


def compile(rules: TransformOptions) -> Steps:
    """The step of a route, last before the upstream and first behind it."""
    hooks: list[OnRequest] = []
    if rules.query is not None:
        hooks.append(_query(rules.query))
    if rules.request is not None:
        hooks.append(_request(rules.request))
    if rules.response is not None:
        hooks.append(_asking())
    in_order = tuple(hooks)

    def on_request(exchange: Exchange) -> None:
        for hook in in_order:
            hook(exchange)

    on_response = None if rules.response is None else _response(rules.response)
    return Steps(in_order[0] if len(in_order) == 1 else on_request, on_response)


def _query(change: QueryChange) -> OnRequest:
    def on_request(exchange: Exchange) -> None:
        target = exchange.target if exchange.upstream_path is None else exchange.upstream_path
        path, _, query = target.partition("?")
        changed = change(query, exchange)
        if changed != query and path != "*":
            exchange.upstream_path = f"{path}?{changed}" if changed else path

    return on_request


def _asking() -> OnRequest:
    """What the upstream is not asked for: a coding, which would have to be undone, and a part of what it has."""
    apply = Edit(_NOT_ASKED).apply
    return lambda exchange: apply(exchange.edit_headers(), _PLAIN)


def _request(rules: Body) -> OnRequest:
    accept = (("Accept", ", ".join(rules.types)),)
    apply = Edit(_OF_THE_OLD).apply

    def on_request(exchange: Exchange) -> None:
        if not exchange.body_length:
            return
        if not _is_one_of(exchange.header("content-type"), rules.types):
            # SECURITY: a body under another name would get past what is taken out of it.
            raise GatewayError(UNSUPPORTED_MEDIA_TYPE, "The route takes JSON.", headers=accept)
        if exchange.body_length > rules.most:
            raise too_large(rules.most)
        data = read_whole(exchange, rules.most)
        if not data:
            return
        data = decompress(data, exchange.header("content-encoding") or "", rules.most, RATIO)
        try:
            made = _written(rules.change(rules.reader.read(data), exchange))
        except (ValueError, TypeError, RecursionError):
            raise GatewayError(INVALID_BODY, "The body is not of the form that the route transforms.") from None
        exchange.body, exchange.body_length = ReplayedBody(made), len(made)
        apply(exchange.edit_headers(), (("Content-Length", str(len(made))),))

    return on_request


def _response(rules: Body) -> OnResponse:
    apply = Edit(_OF_THE_OLD).apply

    def on_response(exchange: Exchange, response: Response) -> None:
        status = response.status
        if not 200 <= status < 300 or status in _NO_CONTENT or not _is_to_be_changed(response, rules.types):
            return
        if exchange.method == "HEAD":
            response.length = None
        else:
            data = _whole(response, rules.most)
            if not data:
                return
            made = _transformed(data, response, rules, exchange)
            response.close()
            response.body, response.length = made, len(made)
        apply(response.headers, ())
        response.headers[:] = [_weak(field) for field in response.headers]

    return on_response


def _is_to_be_changed(response: Response, types: Sequence[str]) -> bool:
    """Whether the content is of such a type, or of one that cannot be told. Raises GatewayError for a part of it."""
    if response.status == 206:
        raise _failed("it is a part of the whole, which was asked for")
    found = [value for name, value in response.headers if name.lower() == "content-type"]
    return len(found) != 1 or parse(found[0]) is None or _is_one_of(found[0], types)


def _is_one_of(content_type: str | None, types: Sequence[str]) -> bool:
    if content_type == types[0]:
        return True
    found = parse(content_type) if content_type is not None else None
    return found is not None and is_allowed(found[0], types)


def _whole(response: Response, most: int) -> bytes:
    """The body to its end. Raises GatewayError, also for what reading raises."""
    body = response.body
    if isinstance(body, bytes):
        body = (body,)
    pieces, size = [], 0
    for piece in body:
        size += len(piece)
        if size > most:
            raise _failed(f"it has more than {most} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def _transformed(data: bytes, response: Response, rules: Body, exchange: Exchange) -> bytes:
    coding = ", ".join(value for name, value in response.headers if name.lower() == "content-encoding")
    try:
        value = rules.reader.read(decompress(data, coding, rules.most, RATIO))
    except GatewayError as error:
        raise _failed(f"it cannot be read ({error.kind.slug})") from None
    try:
        return _written(rules.change(value, exchange))
    except (ValueError, TypeError, RecursionError):
        raise _failed("it is not of the form that the route transforms") from None


def _failed(why: str) -> GatewayError:
    return GatewayError(TRANSFORM_FAILED, f"The answer cannot be transformed: {why}.")


def _written(value: Any) -> bytes:
    """JSON. Raises ValueError or TypeError for what JSON cannot say, which an expression may make."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _weak(field: tuple[str, str]) -> tuple[str, str]:
    """A strong ETag names exact bytes (RFC 9110 section 8.8.3), and these are others now."""
    name, value = field
    return (name, f"W/{value}") if name.lower() == "etag" and value.startswith('"') else field
