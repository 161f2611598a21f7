"""Calls that clients make themselves: what goes on, what comes back, and how they end."""

from __future__ import annotations

import io
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import CLIENT_CLOSED, UPSTREAM_INCOMPLETE, UPSTREAM_TIMEOUT, GatewayError
from gateway.exchange import Exchange, Headers, Response
from gateway.handlers.grpc.passthrough import OPEN, GrpcProxy
from gateway.http.grpc import CLIENT, WANTS, GrpcCall, GrpcStatus
from tests.exchanges import exchange

OK = GrpcStatus.of([("grpc-status", "0"), ("x-last", "1")])


class Service:
    """Answers with pieces; keeps what it was asked, and whether the answer was closed."""

    def __init__(self, *pieces: Any, headers: Headers | None = None) -> None:
        self.pieces = pieces
        self.headers = headers or [("content-type", "application/grpc"), ("x-a", "1")]
        self.calls: list[Exchange] = []
        self.closed = 0

    def fetch(self, call: Exchange) -> Response:
        self.calls.append(call)
        call.address = "t"
        call.attempts = 2
        return Response(200, self.headers, self)

    def __iter__(self) -> Any:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        self.closed += 1


class Caller:
    """The client's side."""

    def __init__(self) -> None:
        self.most = 0
        self.fields: Headers | None = None

    def bound(self, most: int) -> None:
        self.most = most

    def end(self, fields: Headers) -> None:
        self.fields = fields


class Body:
    """A body that is at hand, or is not."""

    def __init__(self, data: bytes, at_hand: bool) -> None:
        self.at_hand = at_hand
        self._data = io.BytesIO(data)
        self.reads = 0

    def read(self, size: int = -1, /) -> bytes:
        self.reads += 1
        return self._data.read(size)


def asking(body: Any = None, headers: Headers | None = None, caller: Caller | None = None, **known: Any) -> Exchange:
    fields = [("content-type", "application/grpc+proto"), ("te", "trailers"), *(headers or [])]
    made = exchange("POST", "/talk.v1.Talk/Echo", fields, version="2", plan=SimpleNamespace(max_body=1000), **known)
    if caller is not None:
        made.environ[CLIENT] = caller
    made.environ["gateway.channel"] = "channel"
    if body is not None:
        made.body, made.body_length = body, -1
    return made


def passed(service: Service, asked: Exchange) -> Response:
    return GrpcProxy("talk", service.fetch, 5.0).fetch(asked)


def pieces(response: Response) -> list[bytes]:
    assert isinstance(response.body, Iterable) and not isinstance(response.body, bytes)
    return list(response.body)


def test_a_call_that_has_come_may_be_sent_again() -> None:
    service, caller = Service(b"a", b"b", OK), Caller()
    asked = asking(Body(b"all", at_hand=True), caller=caller)
    response = passed(service, asked)
    call = service.calls[0]
    assert call.body is not None
    assert (call.method, call.target, call.body_length, call.body.read()) == ("POST", "/talk.v1.Talk/Echo", 3, b"all")
    assert call.environ == {WANTS: GrpcCall(None, "application/grpc+proto"), "gateway.channel": "channel"}
    assert (caller.most, asked.attempts, asked.address, asked.upstream) == (1000, 2, "t", "talk")
    asked.response = response
    assert pieces(response) == [b"a", b"b"]
    assert (caller.fields, response.status, asked.error) == (OK.fields, 200, None)
    assert service.closed


def test_a_call_that_has_not_is_not_waited_for() -> None:
    service, body = Service(OK), Body(b"some", at_hand=False)
    passed(service, asking(body))
    call = service.calls[0]
    assert body.reads == 0 and call.body is not None
    assert (call.body_length, call.body.read(), call.environ[WANTS].body) == (OPEN, b"", body)


def test_what_goes_along() -> None:
    given = [
        ("Grpc-Encoding", "gzip"), ("grpc-accept-encoding", "identity,gzip"), ("grpc-timeout", "1S"), ("X-Mine", "1"),
        ("x-mine-bin", "AAE="), ("host", "a"), ("connection", "close"), ("grpc-previous-rpc-attempts", "1"),
    ]  # fmt: skip
    service = Service(OK)
    passed(service, asking(headers=given, upstream_path="/other/Path", hurried=True))
    call = service.calls[0]
    names = dict(call.headers)
    assert (names["grpc-encoding"], names["grpc-accept-encoding"], names["x-mine-bin"]) == (
        "gzip", "identity,gzip", "AAE=",
    )  # fmt: skip
    assert names["grpc-previous-rpc-attempts"] == "1" and names["x-forwarded-for"] == "192.0.2.1"
    assert not {"grpc-timeout", "host", "connection", "te", "content-type"} & set(names)
    assert (call.target, call.hurried, call.body_length) == ("/other/Path", True, 0)


def test_an_end_alone_is_the_whole_answer() -> None:
    fields = [("content-type", "application/grpc"), ("grpc-status", "5"), ("grpc-message", "no")]
    service, caller = Service(headers=fields), Caller()
    asked = asking(caller=caller)
    response = passed(service, asked)
    assert (response.status, response.headers, response.body, asked.error) == (404, fields, b"", "rpc-error")
    assert service.closed == 1 and caller.fields is None


def test_an_end_alone_has_a_type() -> None:
    response = passed(Service(headers=[("grpc-status", "0")]), asking(caller=Caller()))
    assert (response.status, response.headers) == (200, [("content-type", "application/grpc"), ("grpc-status", "0")])


@pytest.mark.parametrize(
    ("last", "fields", "status", "error"),
    [
        (GrpcStatus.of([("grpc-status", "14"), ("x", "1")]), [("grpc-status", "14"), ("x", "1")], 503, "rpc-error"),
        (GrpcStatus.of([("x", "1")]), [("x", "1")], 500, "rpc-error"),
        (
            GatewayError(UPSTREAM_INCOMPLETE, "It ended."),
            [("grpc-status", "14"), ("grpc-message", "It ended.")],
            502,
            "upstream-incomplete",
        ),
        (
            GatewayError(UPSTREAM_TIMEOUT, "Too long: 5 %"),
            [("grpc-status", "4"), ("grpc-message", "Too long: 5 %25")],
            504,
            "upstream-timeout",
        ),
    ],
)
def test_an_answer_that_ends_badly(last: Any, fields: Headers, status: int, error: str) -> None:
    service, caller = Service(b"a", last), Caller()
    asked = asking(caller=caller)
    response = asked.response = passed(service, asked)
    assert pieces(response) == [b"a"] and pieces(response) == []
    assert (caller.fields, response.status, asked.error) == (fields, status, error)
    assert service.closed


def test_a_client_that_is_gone_is_told_nothing() -> None:
    service, caller = Service(b"a", GatewayError(CLIENT_CLOSED)), Caller()
    response = passed(service, asking(caller=caller))
    with pytest.raises(GatewayError):
        pieces(response)
    assert caller.fields is None


def test_a_copy_has_no_client() -> None:
    assert pieces(passed(Service(b"a", OK), asking())) == [b"a"]
    with pytest.raises(GatewayError):
        pieces(passed(Service(GatewayError(UPSTREAM_INCOMPLETE)), asking()))


@pytest.mark.parametrize(
    ("known", "slug"),
    [
        ({"headers": [("content-type", "application/json")]}, "unsupported-media-type"),
        ({"headers": []}, "unsupported-media-type"),
        ({"version": "1.1"}, "version-not-supported"),
        ({"method": "GET"}, "method-not-allowed"),
    ],
)
def test_what_is_no_call(known: dict[str, Any], slug: str) -> None:
    asked = asking()
    for name, value in known.items():
        setattr(asked, name, value)
    service = Service()
    with pytest.raises(GatewayError) as caught:
        passed(service, asked)
    assert (caught.value.kind.slug, service.calls) == (slug, [])
