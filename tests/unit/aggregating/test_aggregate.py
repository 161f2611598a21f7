"""Aggregates: what runs when, what becomes of failures, and what the answer is made of."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest

from gateway.config.document import loads
from gateway.errors import UPSTREAM_READ_TIMEOUT, UPSTREAM_REFUSED, GatewayError
from gateway.exchange import RETRIED, Exchange, Response
from gateway.handlers.aggregate.compile import aggregating
from gateway.handlers.aggregate.handler import Aggregate
from gateway.upstream.compile import CompiledUpstream
from gateway.upstream.greenlets import GreenletPool
from tests.exchanges import exchange

Answer = Callable[[Exchange], Response]

HEAD = """version: 1
upstreams: {a: {targets: ['http://127.0.0.1:1']}, b: {targets: ['http://127.0.0.1:2']}}
routes:
  - name: page
    match: {path: "/pages/{id}"}
    aggregate:
"""


class Upstreams:
    """Answers by path, and what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[Exchange] = []
        self.closed = 0

    def fetch(self, made: Exchange) -> Response:
        self.asked.append(made)
        answer = self.answers[made.path.strip("/").partition("/")[0]]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(made)
        return Response(200, [("Content-Type", "application/json")], json.dumps(answer).encode())

    @property
    def targets(self) -> list[str]:
        return [each.target for each in self.asked]


def made(text: str, upstreams: Upstreams) -> Aggregate:
    indented = "".join(f"      {line}\n" for line in text.strip().splitlines())
    spec = loads(HEAD + indented, "x.yaml").routes[0].aggregate
    assert spec is not None
    service = CompiledUpstream(upstreams.fetch, 5.0)
    found = aggregating(spec, {"a": service, "b": service}, GreenletPool())
    assert found is not None
    return found[0]


def asking(target: str = "/pages/7?lang=de", method: str = "GET", **known: Any) -> Exchange:
    given = exchange(method, target, known.pop("headers", []), started=time.monotonic(), params={"id": "7"}, **known)
    given.plan = None  # type: ignore[assignment]
    return given


def body(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


PAGE = """
parts:
  item: {upstream: a, path: "/item/{id}?lang={query.lang}", required: true}
  stock: {upstream: b, path: "/stock/{item.sku}", default: {level: unknown}}
  reviews: {upstream: a, path: "/reviews", select: "items[:1].{who: author}"}
response: {product: item, availability: stock.level, reviews: reviews, fixed: 7}
"""
ITEM = {"sku": "a/b", "name": "tea"}
REVIEWS = {"items": [{"author": "ann", "x": 1}, {"author": "bob"}]}


def test_a_page_of_three() -> None:
    upstreams = Upstreams(item=ITEM, stock={"level": 3}, reviews=REVIEWS)
    response = made(PAGE, upstreams).fetch(asking())
    assert (response.status, response.headers) == (200, [("Content-Type", "application/json")])
    assert body(response) == {"product": ITEM, "availability": 3, "reviews": [{"who": "ann"}], "fixed": 7}
    assert upstreams.targets == ["/item/7?lang=de", "/reviews", "/stock/a%2Fb"]


def test_parts_run_at_once_and_wait_only_for_what_they_need() -> None:
    both = gevent.event.Event()
    seen: list[str] = []

    def meet(asked: Exchange) -> Response:
        seen.append(asked.path)
        if len(seen) == 2:
            both.set()
        assert both.wait(5)
        return Response(200, [], b"{}")

    text = "parts: {x: {upstream: a, path: /x}, y: {upstream: a, path: /y}}"
    assert body(made(text, Upstreams(x=meet, y=meet)).fetch(asking())) == {"x": {}, "y": {}}


def test_a_part_that_fails_is_marked_and_has_its_default() -> None:
    upstreams = Upstreams(item=ITEM, stock=GatewayError(UPSTREAM_REFUSED), reviews=GatewayError(UPSTREAM_REFUSED))
    response = made(PAGE + "meta: true", upstreams).fetch(asking())
    assert dict(response.headers)["X-Gateway-Complete"] == "false"
    assert dict(response.headers)["Cache-Control"] == "no-store"
    assert body(response) == {
        "product": ITEM, "availability": "unknown", "reviews": None, "fixed": 7,
        "meta": {"complete": False, "failed": {"stock": "upstream-refused", "reviews": "upstream-refused"}},
    }  # fmt: skip


def test_without_a_response_all_parts_are_there_in_one_order() -> None:
    both = gevent.event.Event()

    def second(asked: Exchange) -> Response:
        both.set()
        return Response(200, [], b"2")

    def first(asked: Exchange) -> Response:
        assert both.wait(5)
        return Response(200, [], b"1")

    text = "parts: {x: {upstream: a, path: /x}, y: {upstream: a, path: /y}, z: {upstream: a, path: /z}}"
    response = made(text, Upstreams(x=first, y=second, z=GatewayError(UPSTREAM_REFUSED))).fetch(asking())
    assert response.body == b'{"x":1,"y":2,"z":null}'


def test_the_whole_has_more_time_than_its_parts_so_that_a_late_one_is_named() -> None:
    text = "parts: {x: {upstream: a, path: /x, timeout: 1s}, y: {upstream: a, path: /y, needs: [x], timeout: 2s}}"
    spec = loads(HEAD + f"      {text}\n", "x.yaml").routes[0].aggregate
    found = aggregating(spec, {"a": CompiledUpstream(Upstreams().fetch, 5.0)}, GreenletPool()) if spec else None
    assert found is not None and 3.0 < found[1] < 4.0


@pytest.mark.parametrize(("partial", "status"), [("200", 200), ("206", 206), ("203", 203)])
def test_the_status_of_what_is_not_complete_is_declared(partial: str, status: int) -> None:
    upstreams = Upstreams(item=ITEM, stock={"level": 3}, reviews=GatewayError(UPSTREAM_REFUSED))
    assert made(PAGE + f"partial: {partial}", upstreams).fetch(asking()).status == status


def test_where_parts_must_not_fail() -> None:
    upstreams = Upstreams(item=ITEM, stock={"level": 3}, reviews=GatewayError(UPSTREAM_REFUSED))
    with pytest.raises(GatewayError, match="reviews") as caught:
        made(PAGE + "partial: fail", upstreams).fetch(asking())
    assert caught.value.kind.slug == "part-failed"


@pytest.mark.parametrize(
    ("error", "slug", "status"),
    [
        (GatewayError(UPSTREAM_REFUSED), "part-failed", 502),
        (GatewayError(UPSTREAM_READ_TIMEOUT), "part-timeout", 504),
        (RuntimeError("secret"), "part-failed", 502),
    ],
)
def test_a_required_part_fails_the_whole_and_is_named(error: Exception, slug: str, status: int) -> None:
    upstreams = Upstreams(item=error, stock={}, reviews=REVIEWS)
    with pytest.raises(GatewayError, match="The part item failed") as caught:
        made(PAGE, upstreams).fetch(asking())
    assert (caught.value.kind.slug, caught.value.kind.status) == (slug, status)
    assert "secret" not in str(caught.value)


def test_others_are_ended_when_a_required_part_fails() -> None:
    ended: list[str] = []

    def slow(asked: Exchange) -> Response:
        try:
            gevent.sleep(60)
        finally:
            ended.append(asked.path)
        raise AssertionError

    def fails(asked: Exchange) -> Response:
        gevent.sleep(0)
        raise GatewayError(UPSTREAM_REFUSED)

    with pytest.raises(GatewayError):
        made(PAGE, Upstreams(item=fails, reviews=slow)).fetch(asking())
    gevent.sleep(0)
    assert ended == ["/reviews"]


def test_the_deadline_bounds_all_of_it() -> None:
    given = asking()
    given.deadline = time.monotonic() + 0.02
    with pytest.raises(GatewayError, match="item") as caught:
        made(PAGE, Upstreams(item=lambda asked: gevent.sleep(60), reviews=REVIEWS)).fetch(given)
    assert caught.value.kind.slug == "upstream-timeout"


def test_who_needs_what_failed_fails_with_it_unless_there_is_a_default() -> None:
    text = """
parts:
  one: {upstream: a, path: /one}
  two: {upstream: a, path: "/two/{one.x}"}
  three: {upstream: a, path: /three, needs: [two]}
meta: true
"""
    upstreams = Upstreams(one=GatewayError(UPSTREAM_REFUSED), two={}, three={})
    found = body(made(text, upstreams).fetch(asking()))
    assert found["meta"]["failed"] == {"one": "upstream-refused", "two": "needs-failed", "three": "needs-failed"}
    assert upstreams.targets == ["/one"]
    with_default = text.replace("path: /one}", "path: /one, default: {x: 5}}")
    found = body(made(with_default, upstreams).fetch(asking()))
    assert found["meta"]["failed"] == {"one": "upstream-refused"} and upstreams.targets[-1] == "/three"


@pytest.mark.parametrize("value", [None, [], {}, {"x": None}, {"x": {}}, {"x": "../.."}])
def test_a_request_is_not_made_of_what_is_not_there(value: Any) -> None:
    text = 'parts: {one: {upstream: a, path: /one}, two: {upstream: a, path: "/two/{one.x}"}}\nmeta: true'
    upstreams = Upstreams(one=value, two={})
    assert "two" in body(made(text, upstreams).fetch(asking()))["meta"]["failed"]
    assert upstreams.targets == ["/one"]


def status(number: int, data: bytes = b"{}") -> Answer:
    return lambda asked: Response(number, [], data)


@pytest.mark.parametrize(
    ("answer", "accept", "failed"),
    [
        (status(404), "", True),
        (status(404, b'{"gone": 1}'), "accept: [404],", False),
        (status(404, b""), "accept: [404],", False),
        (status(302), "", True),
        (status(204, b""), "", False),
        (status(200, b"<html>"), "", True),
        (status(200, b"[" * 100_000), "", True),
        (status(200, b'"' + b"x" * (1 << 20) + b'"'), "", True),
    ],
)
def test_any_answer_but_2xx_and_json_has_failed(answer: Answer, accept: str, failed: bool) -> None:
    text = f"parts: {{one: {{upstream: a, {accept} path: /one}}}}\nmeta: true"
    assert body(made(text, Upstreams(one=answer)).fetch(asking()))["meta"]["complete"] is not failed


def test_what_goes_along_to_the_parts() -> None:
    headers = [
        ("Authorization", "Bearer x"), ("Accept-Language", "de"), ("If-None-Match", '"a"'), ("Range", "bytes=0-1"),
        ("Content-Type", "text/plain"), ("Accept-Encoding", "gzip"), ("Cookie", "a=1"),
    ]  # fmt: skip
    upstreams = Upstreams(one={})
    text = "parts: {one: {upstream: a, path: /one}}"
    made(text, upstreams).fetch(asking(headers=headers))
    sent = upstreams.asked[0]
    assert sent.headers == [
        ("Authorization", "Bearer x"), ("Accept-Language", "de"), ("Cookie", "a=1"),
        ("Accept", "application/json"), ("Accept-Encoding", "identity"),
    ]  # fmt: skip
    assert (sent.method, sent.body, sent.client, sent.request_id) == ("GET", None, "192.0.2.1", asking().request_id)
    made(text + "\nforward: [accept-language]", upstreams).fetch(asking(headers=headers))
    assert [name for name, _ in upstreams.asked[1].headers] == ["Accept-Language", "Accept", "Accept-Encoding"]


def test_a_body_is_made_of_variables() -> None:
    text = """
parts:
  one: {upstream: a, path: /one}
  two: {upstream: a, method: POST, path: /two, body: {id: "{id}", of: ["{one.x}", "{query.lang}"], n: 1}}
"""
    upstreams = Upstreams(one={"x": 'say "hi"'}, two={})
    made(text, upstreams).fetch(asking())
    sent = upstreams.asked[1]
    assert sent.body is not None and ("Content-Type", "application/json") in sent.headers
    assert json.loads(sent.body.read()) == {"id": "7", "of": ['say "hi"', "de"], "n": 1}


def test_headers_of_the_answer() -> None:
    def one(asked: Exchange) -> Response:
        headers = [
            ("Cache-Control", "max-age=60"),
            ("Age", "10"),
            ("Vary", "Origin"),
            ("ETag", '"1"'),
            ("Set-Cookie", "a"),
        ]
        return Response(200, headers, b"{}")

    def two(asked: Exchange) -> Response:
        return Response(200, [("Cache-Control", "public, max-age=90"), ("Vary", "Accept-Encoding, X-A")], b"{}")

    text = "parts: {one: {upstream: a, path: /one}, two: {upstream: a, path: /two}}\ntake: {X-Version: one, ETag: one}"
    response = made(text, Upstreams(one=one, two=two)).fetch(asking())
    assert response.headers == [
        ("Content-Type", "application/json"), ("Cache-Control", "max-age=50"), ("Vary", "Origin, X-A"), ("ETag", '"1"')
    ]  # fmt: skip


def test_parts_are_in_the_answer_as_they_came() -> None:
    def says(data: bytes) -> Answer:
        return lambda _: Response(200, [], data)

    upstreams = Upstreams(one=says(b'{"a" : 1.50}'), two=says(b'{"a": 1, "a": 2}'), three=says(b""))
    parts = "{one: {upstream: a, path: /one}, two: {upstream: a, path: /two}, three: {upstream: a, path: /three}}"
    response = made(f"parts: {parts}\nmeta: true", upstreams).fetch(asking())
    assert response.body == b'{"one":{"a" : 1.50},"two":{"a":2},"three":null,"meta":{"complete":true,"failed":{}}}'


def test_a_request_leaves_nothing_for_the_collector() -> None:
    """Cycles would be collected in the midst of requests: a sixth of what an aggregate took."""
    aggregate = made(PAGE, Upstreams(item=ITEM, stock={"level": 3}, reviews=REVIEWS))
    aggregate.fetch(asking())
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            aggregate.fetch(asking())
        assert gc.collect() < 10
    finally:
        gc.enable()


def test_tries_of_parts_are_those_of_the_request() -> None:
    def tried(request: Exchange) -> Response:
        request.attempts, request.marks = 3, RETRIED
        return Response(200, [], b"1", 1)

    request = asking()
    parts = "parts: {one: {upstream: a, path: /one}, two: {upstream: a, path: /two}}"
    made(parts, Upstreams(one=tried, two=tried)).fetch(request)
    assert (request.attempts, request.marks) == (6, RETRIED)


def test_head_has_the_length_and_no_body() -> None:
    upstreams = Upstreams(one={"a": 1})
    response = made("parts: {one: {upstream: a, path: /one}}", upstreams).fetch(asking(method="HEAD"))
    assert (response.body, response.length, upstreams.asked[0].method) == (b"", len('{"one":{"a": 1}}'), "GET")


def test_an_answer_is_closed_whatever_it_was() -> None:
    class Body:
        closed = 0

        def __iter__(self) -> Iterator[bytes]:
            return iter((b"{", b"}"))

        def close(self) -> None:
            Body.closed += 1

    text = "parts: {one: {upstream: a, path: /one}, two: {upstream: a, path: /two}}"
    answers = Upstreams(one=lambda asked: Response(200, [], Body()), two=lambda asked: Response(500, [], Body()))
    made(text, answers).fetch(asking())
    assert Body.closed == 2


def test_a_client_that_went_away_ends_it() -> None:
    class Channel:
        gone = True

    given = asking()
    given.environ = {"gateway.channel": Channel()}
    with pytest.raises(GatewayError) as caught:
        made(PAGE, Upstreams(item=lambda asked: gevent.sleep(60), reviews=REVIEWS)).fetch(given)
    assert caught.value.kind.slug == "client-closed"


def test_a_function_of_jmespath_that_is_given_what_it_does_not_take() -> None:
    text = 'parts: {one: {upstream: a, path: /one}}\nresponse: {n: "abs(one)"}'
    with pytest.raises(GatewayError) as caught:
        made(text, Upstreams(one={})).fetch(asking())
    assert caught.value.kind.slug == "part-failed"


def test_what_parts_are_asked_for_by_makes_another_answer() -> None:
    text = """
parts:
  one: {upstream: a, path: "/one?lang={header.Accept-Language}"}
  two: {upstream: a, path: /two, method: POST, body: {who: [{x: "{header.X-Plan}"}], n: 1}}
"""
    response = made(text, Upstreams(one={}, two={})).fetch(asking())
    assert dict(response.headers)["Vary"] == "Accept-Language, X-Plan"


@pytest.mark.parametrize("data", [b"NaN", b'{"x": 1e999}', b"[-Infinity]"])
def test_what_is_no_number_of_json_never_goes_out(data: bytes) -> None:
    text = "parts: {x: {upstream: a, path: /x}}\nmeta: true"
    found = body(made(text, Upstreams(x=status(200, data))).fetch(asking()))
    assert found == {"x": None, "meta": {"complete": False, "failed": {"x": "upstream-bad-answer"}}}


@pytest.mark.parametrize("select", ["select: 'to_number(x)'", ""])
def test_nor_what_an_expression_makes(select: str) -> None:
    shape = "" if select else "response: {n: 'to_number(x.x)'}"
    text = f"parts: {{x: {{upstream: a, path: /x, {select}}}}}\n{shape}"
    with pytest.raises(GatewayError) as caught:
        made(text, Upstreams(x={"x": "nan"})).fetch(asking())
    assert caught.value.kind.slug == "part-failed"
