"""From requests to messages and back, by the rules of google.api.http and the JSON mapping of Protocol Buffers."""

from __future__ import annotations

import io
import json
import time
from datetime import datetime
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.exchange import Exchange, Response
from gateway.handlers.grpc.bindings import Table, bindings
from gateway.handlers.grpc.handler import Transcoder
from gateway.handlers.grpc.schema import Schema
from gateway.http.grpc import WANTS, frame, frames, trailers
from tests.exchanges import exchange
from tests.support.drawing import examples
from tests.support.shop import descriptor_set, file, rule

SCHEMA = Schema.read(descriptor_set())
TABLE = Table(SCHEMA, bindings(SCHEMA))
ORDER = SCHEMA.methods[0]


class Service:
    """Answers with `messages` (JSON of an Asked) and an end; keeps what it was asked."""

    def __init__(self, *messages: Any, code: int = 0, more: tuple[tuple[str, str], ...] = ()) -> None:
        made = [json_format.ParseDict(each, ORDER.answer(b""), descriptor_pool=SCHEMA.pool) for each in messages]
        end = trailers((("grpc-status", str(code)), *more))
        self.body = b"".join(frame(each.SerializeToString()) for each in made) + end
        self.calls: list[Exchange] = []

    def fetch(self, call: Exchange) -> Response:
        self.calls.append(call)
        return Response(200, [("x-a", "1"), ("grpc-accept-encoding", "gzip"), ("content-length", "3")], self.body)

    def asked(self) -> Any:
        assert self.calls[-1].body is not None
        ((_, data),) = frames(self.calls[-1].body.read())
        message = ORDER.request()
        message.ParseFromString(data)
        return json_format.MessageToDict(message, descriptor_pool=SCHEMA.pool)


def transcoder(service: Service, table: Table = TABLE, defaults: bool = False, most: int = 1 << 20) -> Transcoder:
    return Transcoder("shop", service.fetch, 5.0, lambda: table, most, defaults)


def asking(method: str, target: str, body: Any = None, *fields: tuple[str, str], **known: Any) -> Exchange:
    made = exchange(method, target, list(fields), started=time.monotonic(), plan=None, **known)
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        made.body, made.body_length = io.BytesIO(data), len(data)
    return made


def asked(method: str, target: str, body: Any = None, *fields: tuple[str, str], table: Table = TABLE) -> Any:
    service = Service({})
    transcoder(service, table).fetch(asking(method, target, body, *fields))
    return service.asked()


def refused(method: str, target: str, body: Any = None, *fields: tuple[str, str], **more: Any) -> tuple[int, str, str]:
    with pytest.raises(GatewayError) as caught:
        transcoder(Service({}), **more).fetch(asking(method, target, body, *fields))
    return caught.value.kind.status, caught.value.kind.slug, caught.value.detail


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("total=5", {"total": "5"}),
        ("total=9223372036854775807", {"total": "9223372036854775807"}),
        ("tags=a&tags=b", {"tags": ["a", "b"]}),
        ("item.sku=x&item.count=2", {"item": {"sku": "x", "count": 2}}),
        ("color=BLUE&colors=RED&colors=2", {"color": "BLUE", "colors": ["RED", "BLUE"]}),
        ("paid=true&gift=false", {"paid": True, "gift": False}),
        ("raw=AAE%3D", {"raw": "AAE="}),
        ("limit=0&weight=1.5", {"limit": 0, "weight": 1.5}),
        ("at=2026-01-02T03:04:05.5Z", {"at": "2026-01-02T03:04:05.500Z"}),
        ("mask=a,bC.d", {"mask": "a,bC.d"}),
        ("name=", {}),
        ("name=%C3%A4+%26", {"name": "ä &"}),
    ],
)
def test_what_a_query_says(query: str, expected: Any) -> None:
    assert asked("GET", f"/v1/orders?{query}") == expected


@pytest.mark.parametrize(
    ("target", "slug", "words"),
    [
        ("/v1/orders?nope=1", "invalid-query", "no field nope"),
        ("/v1/orders?item.nope=1", "invalid-query", "no field item.nope"),
        ("/v1/orders?tags.x=1", "invalid-query", "no field tags.x"),
        ("/v1/orders?item=1", "invalid-query", "item is no single value"),
        ("/v1/orders?items=1", "invalid-query", "items is no single value"),
        ("/v1/orders?total=1&total=2", "invalid-query", "total is said twice"),
        ("/v1/orders?total=x", "invalid-query", "total does not fit"),
        ("/v1/orders?total=99999999999999999999", "invalid-query", "total does not fit"),
        ("/v1/orders?paid=yes", "invalid-query", "paid does not fit"),
        ("/v1/orders?color=GREEN", "invalid-query", "color does not fit"),
        ("/v1/orders?at=today", "invalid-query", "at does not fit"),
        ("/v1/orders/7?id=8", "invalid-query", "id is not the query's to say"),
        ("/v1/orders/fail/x", "invalid-parameters", "total does not fit"),
        ("/v1/orders?" + "item." * 40 + "sku=1", "invalid-query", "no field"),
    ],
)
def test_queries_and_paths_that_do_not_fit(target: str, slug: str, words: str) -> None:
    status, kind, detail = refused("GET", target)
    assert (status, kind) == (400, slug)
    assert words in detail


def test_bodies_whole_in_a_field_and_none() -> None:
    assert asked("POST", "/v1/orders", {"id": "1", "item": {"sku": "x"}}) == {"id": "1", "item": {"sku": "x"}}
    assert asked("POST", "/v1/orders") == {}
    assert asked("POST", "/v1/orders/7/items?name=n", {"sku": "x"}) == {"id": "7", "name": "n", "item": {"sku": "x"}}
    assert asked("PUT", "/v1/orders/7/tags", ["a", "b"]) == {"id": "7", "tags": ["a", "b"]}
    assert asked("POST", "/v1/orders/7:cancel", {"id": "8"}) == {"id": "7"}, "the path wins"
    assert asked("POST", "/v1/orders", b'{"id": "1"}', ("Content-Type", "application/merge-patch+json")) == {"id": "1"}


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "slug"),
    [
        ("POST", "/v1/orders", {"nope": 1}, 400, "malformed-body"),
        ("POST", "/v1/orders", {"total": "x"}, 400, "malformed-body"),
        ("POST", "/v1/orders", [1], 400, "malformed-body"),
        ("POST", "/v1/orders", b"{", 400, "malformed-body"),
        ("POST", "/v1/orders", {"item": {"sku": {"a": 1}}}, 400, "malformed-body"),
        ("POST", "/v1/orders", b'{"extra":' + b'{"a":' * 40 + b"1" + b"}" * 41, 422, "body-too-complex"),
        ("POST", "/v1/orders?id=1", {}, 400, "invalid-query"),
        ("POST", "/v1/orders/7/items?item.sku=1", {}, 400, "invalid-query"),
        ("GET", "/v1/orders", {"id": "1"}, 400, "unexpected-body"),
        ("POST", "/v1/orders", {"id": "x" * 2000}, 413, "body-too-large"),
    ],
)
def test_bodies_that_are_refused(method: str, target: str, body: Any, status: int, slug: str) -> None:
    assert refused(method, target, body, most=1000)[:2] == (status, slug)


def test_the_answer() -> None:
    service = Service({"id": "7", "left": "9007199254740993"})
    response = transcoder(service).fetch(asking("GET", "/v1/orders/7"))
    assert (response.status, response.headers) == (200, [("Content-Type", "application/json"), ("x-a", "1")])
    assert response.body == b'{"id":"7","left":"9007199254740993"}'
    whole = transcoder(Service({"id": "7"}), defaults=True).fetch(asking("GET", "/v1/orders/7"))
    assert json.loads(whole.body) == {"id": "7", "metadata": "", "left": "0"}


@pytest.mark.parametrize(
    ("name", "answer", "expected"),
    [
        ("order", {"order": {"id": "1"}}, {"id": "1"}),
        ("order", {}, {}),
        ("id", {"id": "7"}, "7"),
        ("left", {}, "0"),
    ],
)
def test_a_field_of_the_answer_alone(name: str, answer: Any, expected: Any) -> None:
    made = file()
    rule(made.service[0].method[0], f"GET /v1/x response_body={name}")
    schema = Schema.read(descriptor_set(made))
    response = transcoder(Service(answer), Table(schema, bindings(schema))).fetch(asking("GET", "/v1/x"))
    assert json.loads(response.body) == expected


@pytest.mark.parametrize("service", [Service(), Service({}, {})])
def test_not_one_message_is_a_bad_answer(service: Service) -> None:
    with pytest.raises(GatewayError) as caught:
        transcoder(service).fetch(asking("GET", "/v1/orders/7"))
    assert caught.value.kind.slug == "upstream-bad-answer"


def test_a_message_that_cannot_be_read_is_a_bad_answer() -> None:
    service = Service()
    service.body = frame(b"\xff") + trailers((("grpc-status", "0"),))
    with pytest.raises(GatewayError) as caught:
        transcoder(service).fetch(asking("GET", "/v1/orders/7"))
    assert caught.value.kind.slug == "upstream-bad-answer"


def test_an_error_whose_details_cannot_be_read_is_still_one() -> None:
    more = (("grpc-message", "50%25 of it%0A"), ("grpc-status-details-bin", "%%%"))
    with pytest.raises(GatewayError) as caught:
        transcoder(Service(code=9, more=more)).fetch(asking("GET", "/v1/orders/7"))
    assert (caught.value.kind.status, caught.value.detail) == (400, "50% of it\n")
    assert caught.value.extensions == {"rpc": {"code": 9, "status": "FAILED_PRECONDITION", "message": "50% of it\n"}}


@pytest.mark.parametrize("kind", ["text/€", "text/html\r\nx: y", "text/\x7f", ""])
def test_a_content_type_that_is_none(kind: str) -> None:
    """Of google.api.HttpBody: it is the service's to say, and no header can say it."""
    method = next(each for each in SCHEMA.methods if each.output.full_name == "google.api.HttpBody")
    message = method.answer(b"")
    message.content_type, message.data = kind, b"<b>"
    service = Service({})
    service.body = frame(message.SerializeToString()) + trailers((("grpc-status", "0"),))
    answer = transcoder(service).fetch(asking("GET", "/v1/orders/page/7"))
    assert (answer.headers[0], answer.body) == (("Content-Type", "application/octet-stream"), b"<b>")


def test_metadata() -> None:
    service = Service({})
    fields = (
        ("X-A", "1"), ("Authorization", "Bearer x"), ("X-B-Bin", "AAE="), ("TE", "trailers"), ("grpc-timeout", "1S"),
        ("Content-Type", "application/json"), ("X-Forwarded-For", "9.9.9.9"), ("X-Odd", "\xe4"), ("Accept", "*/*"),
        ("x!y", "1"), ("Connection", "close"),
    )  # fmt: skip
    transcoder(service).fetch(asking("POST", "/v1/orders", {}, *fields))
    call = service.calls[0]
    assert (call.method, call.target) == ("POST", "/shop.v1.Orders/Create")
    sent = dict(call.headers)
    assert {name: sent.pop(name) for name in ("x-a", "authorization", "x-b-bin")} == {
        "x-a": "1",
        "authorization": "Bearer x",
        "x-b-bin": "AAE=",
    }
    assert set(sent) == {
        *("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded", "x-request-id"),
    }
    assert sent["x-forwarded-for"] == "192.0.2.1"
    assert not call.environ[WANTS].is_stream and call.deadline - time.monotonic() <= 5.0
    assert refused("GET", "/v1/orders/7", None, ("X-B-Bin", "a b"))[:2] == (400, "invalid-headers")


def test_what_a_policy_set_wins_over_what_the_gateway_says() -> None:
    service = Service({})
    given = asking("GET", "/v1/orders/7", None, ("X-A", "1"))
    given.outgoing = [("X-Request-ID", "mine"), ("X-New", "2")]
    transcoder(service).fetch(given)
    sent = service.calls[0].headers
    assert [value for name, value in sent if name == "x-request-id"] == ["mine"]
    assert ("x-new", "2") in sent and ("x-a", "1") not in sent


def lines(service: Service, *fields: tuple[str, str]) -> tuple[Response, list[bytes]]:
    response = transcoder(service).fetch(asking("GET", "/v1/orders/watch/1", None, *fields))
    return response, list(response.body)


def test_streams() -> None:
    response, found = lines(Service({"id": "1"}, {"id": "2"}))
    assert (response.headers[0], found) == (
        ("Content-Type", "application/x-ndjson"),
        [b'{"id":"1"}\n', b'{"id":"2"}\n'],
    )
    response, found = lines(Service({"id": "1"}, code=13), ("Accept", "text/html, text/event-stream"))
    assert response.headers[:2] == [("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache")]
    assert found[0] == b'data: {"id":"1"}\n\n'
    assert found[1].startswith(b'event: error\ndata: {"error":{"code":13,"status":"INTERNAL"')
    assert lines(Service())[1] == []


ORDERS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(st.characters(codec="utf-8"), max_size=5),
        "total": st.integers(-(2**63), 2**63 - 1).map(str),
        "version": st.integers(0, 2**64 - 1).map(str),
        "tags": st.lists(st.text("ab", max_size=3), min_size=1, max_size=3),
        "item": st.fixed_dictionaries({"sku": st.text("ab", min_size=1), "count": st.integers(1, 2**31 - 1)}),
        "color": st.sampled_from(["RED", "BLUE"]),
        "paid": st.just(True),
        "raw": st.binary(min_size=1, max_size=5).map(lambda data: __import__("base64").b64encode(data).decode()),
        "limit": st.integers(-5, 5),
        "weight": st.floats(0.5, 1e6, width=64),
        "gift": st.booleans(),
        "at": st.datetimes(datetime(1000, 1, 1)).map(lambda at: at.replace(microsecond=0).isoformat() + "Z"),
    },
)


@examples(60)
@given(ORDERS)
def test_json_comes_through_as_it_was(order: dict[str, Any]) -> None:
    expected = {name: value for name, value in order.items() if value not in ("", "0")}
    assert asked("POST", "/v1/orders", order) == expected


@examples(60)
@given(ORDERS)
def test_a_query_says_the_same_as_a_body(order: dict[str, Any]) -> None:
    from urllib.parse import urlencode

    flat = {**order, **{f"item.{name}": value for name, value in order.pop("item", {}).items()}}
    flat = {name: str(value).lower() if isinstance(value, bool) else value for name, value in flat.items()}
    flat.pop("item", None)
    query = urlencode(flat, doseq=True)
    nested: dict[str, Any] = {name: value for name, value in flat.items() if "." not in name}
    for name in ("paid", "gift"):
        if name in nested:
            nested[name] = nested[name] == "true"
    if "item.sku" in flat:
        nested["item"] = {"sku": flat["item.sku"], "count": flat["item.count"]}
    assert asked("GET", f"/v1/orders?{query}") == asked("POST", "/v1/orders", nested)
