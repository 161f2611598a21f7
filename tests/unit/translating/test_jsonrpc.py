"""JSON-RPC 2.0 behind REST: what is called, and what becomes of every answer."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from gateway.config.document import loads
from gateway.errors import UPSTREAM_REFUSED, GatewayError
from gateway.exchange import Exchange, Response
from gateway.handlers.jsonrpc.compile import compile_jsonrpc
from gateway.handlers.jsonrpc.handler import JsonRpc
from gateway.upstream.compile import CompiledUpstream
from tests.exchanges import exchange

HEAD = """version: 1
upstreams: {ledger: {targets: ['http://127.0.0.1:1']}}
routes:
  - name: balance
    match: {path: "/accounts/{id:int}/{name}"}
    jsonrpc: {upstream: ledger, path: "/rpc?lang={query.lang}", method: account.balance, MORE}
"""


class Ledger:
    """A service that answers with what `answer` makes of a request."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.answer = answer
        self.asked: list[Exchange] = []
        self.requests: list[Any] = []

    def fetch(self, made: Exchange) -> Response:
        self.asked.append(made)
        assert made.body is not None
        self.requests.append(json.loads(made.body.read()))
        answer = self.answer(self.requests[-1])
        return answer if isinstance(answer, Response) else Response(200, [], json.dumps(answer).encode())


def result(value: Any) -> Callable[[Any], Any]:
    return lambda request: {"jsonrpc": "2.0", "result": value, "id": request["id"]}


def failure(code: Any, **more: Any) -> Callable[[Any], Any]:
    return lambda request: {"jsonrpc": "2.0", "error": {"code": code, "message": "no", **more}, "id": request["id"]}


def made(more: str, ledger: Ledger) -> JsonRpc:
    spec = loads(HEAD.replace("MORE", more or "notification: false"), "x.yaml").routes[0].jsonrpc
    assert spec is not None
    return compile_jsonrpc(spec, CompiledUpstream(ledger.fetch, 5.0))


def asking(body: Any = None, **known: Any) -> Exchange:
    target = "/accounts/7/a%20b?lang=de&n=5"
    given = exchange("POST", target, [("X-A", "1")], started=time.monotonic(), **known)
    given.params, given.plan = {"id": "7", "name": "a%20b"}, None
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given.body, given.body_length = io.BytesIO(data), len(data)
    return given


ONE = result(1)


def called(more: str, answer: Callable[[Any], Any] = ONE, body: Any = None) -> tuple[Any, Ledger]:
    ledger = Ledger(answer)
    response = made(more, ledger).fetch(asking(body))
    assert isinstance(response.body, bytes)
    return json.loads(response.body) if response.body else response.status, ledger


def refused(more: str, answer: Callable[[Any], Any], body: Any = None) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        called(more, answer, body)
    return caught.value


def test_a_call() -> None:
    found, ledger = called(
        'params: {account: "{id}", who: "{name}", text: "no. {id} {name}", of: ["{query.n}", 3, null]}'
    )
    assert found == 1
    assert ledger.requests == [
        {
            "jsonrpc": "2.0", "method": "account.balance", "id": 1,
            "params": {"account": 7, "who": "a b", "text": "no. 7 a b", "of": ["5", 3, None]},
        }
    ]  # fmt: skip
    sent = ledger.asked[0]
    assert (sent.method, sent.target) == ("POST", "/rpc?lang=de")
    assert ("X-A", "1") in sent.headers and ("Content-Type", "application/json") in sent.headers


def test_without_params_none_are_sent() -> None:
    assert "params" not in called("")[1].requests[0]


def test_what_the_body_has() -> None:
    more = 'params: ["{body.amount}", "{body.of[0]}", "{body.none}", "for {body.amount}"]'
    _, ledger = called(more, body={"amount": 5, "of": [{"x": 1}]})
    assert ledger.requests[0]["params"] == [5, {"x": 1}, None, "for 5"]
    assert refused(more, result(1)).kind.slug == "missing-body"
    assert refused(more, result(1), b"{").kind.slug == "malformed-body"


def test_the_body_as_it_is() -> None:
    assert called("params: body", body={"a": [1]})[1].requests[0]["params"] == {"a": [1]}


def test_what_is_selected() -> None:
    assert called('select: "rows[].n"', result({"rows": [{"n": 1}, {"n": 2}]}))[0] == [1, 2]
    assert called("", result(None))[0] is None
    assert refused('select: "abs(@)"', result("x")).kind.slug == "upstream-bad-answer"


def test_a_notification_is_answered_before_anything_is_known() -> None:
    found, ledger = called("notification: true", lambda request: Response(204, [], b""))
    assert found == 202 and "id" not in ledger.requests[0]
    error = refused("notification: true", lambda request: Response(500, [], b""))
    assert error.kind.slug == "upstream-bad-answer"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (-32700, 502),
        (-32600, 502),
        (-32601, 501),
        (-32602, 400),
        (-32603, 502),
        (-32000, 502),
        (17, 502),
        (-32004, 404),
    ],
)
def test_what_errors_stand_for(code: int, status: int) -> None:
    error = refused("errors: {-32004: 404}", failure(code, data={"x": 1}))
    assert (error.kind.slug, error.kind.status, error.detail) == ("rpc-error", status, "no")
    assert error.extensions == {"rpc": {"code": code, "message": "no", "data": {"x": 1}}}


def answers(value: Any) -> Callable[[Any], Any]:
    return lambda request: value


@pytest.mark.parametrize(
    "answer",
    [
        answers([]), answers(1), answers({"result": 1, "id": 1}), answers({"jsonrpc": "1.0", "result": 1, "id": 1}),
        answers({"jsonrpc": "2.0", "result": 1}), answers({"jsonrpc": "2.0", "result": 1, "id": 2}),
        answers({"jsonrpc": "2.0", "result": 1, "id": "1"}), answers({"jsonrpc": "2.0", "result": 1, "id": True}),
        answers({"jsonrpc": "2.0", "result": 1, "error": {"code": 1}, "id": 1}), answers({"jsonrpc": "2.0", "id": 1}),
        failure("1"), failure(None), answers({"jsonrpc": "2.0", "error": "x", "id": 1}),
        answers(Response(500, [], b"{}")), answers(Response(200, [], b"<html>")), answers(Response(200, [], b"")),
        answers(Response(200, [], b'"' + b"x" * (1 << 20) + b'"')),
    ],
)  # fmt: skip
def test_what_is_no_answer(answer: Callable[[Any], Any]) -> None:
    assert refused("", answer).kind.slug == "upstream-bad-answer"


def test_an_error_of_a_service_that_could_not_read_the_call() -> None:
    error = refused("", answers({"jsonrpc": "2.0", "error": {"code": -32700, "message": "what?"}, "id": None}))
    assert (error.kind.slug, error.kind.status) == ("rpc-error", 502)


def test_an_upstream_that_is_down_is_what_it_is() -> None:
    def down(request: Any) -> Any:
        raise GatewayError(UPSTREAM_REFUSED)

    assert refused("", down).kind.slug == "upstream-refused"


BATCH = 'batch: 3, params: {n: "{body.n}"}'


def backwards(requests: Any) -> Any:
    found = [result(each["params"]["n"] * 10)(each) for each in requests]
    found[1] = failure(-32602)(requests[1]) if len(found) > 1 else found[-1]
    return found[::-1]


def test_a_list_of_calls_goes_as_one_and_its_results_keep_their_order() -> None:
    found, ledger = called(BATCH, backwards, [{"n": 1}, {"n": 2}, {"n": 3}])
    assert found == [
        {"status": 200, "result": 10},
        {"status": 400, "error": {"code": -32602, "message": "no"}},
        {"status": 200, "result": 30},
    ]
    assert [(each["id"], each["params"]) for each in ledger.requests[0]] == [
        (1, {"n": 1}),
        (2, {"n": 2}),
        (3, {"n": 3}),
    ]


def test_one_alone_is_still_one() -> None:
    assert called(BATCH, result(5), {"n": 1})[0] == 5


@pytest.mark.parametrize(
    ("body", "answer", "slug"),
    [
        ([], backwards, "invalid-body"),
        ([{"n": 1}] * 4, backwards, "body-too-complex"),
        ([{"n": 1}], answers({}), "upstream-bad-answer"),
        ([{"n": 1}], answers([]), "upstream-bad-answer"),
        ([{"n": 1}] * 2, answers([{"jsonrpc": "2.0", "result": 1, "id": 1}] * 2), "upstream-bad-answer"),
        ([{"n": 1}] * 2, answers([{"jsonrpc": "2.0", "result": 1, "id": 9}] * 2), "upstream-bad-answer"),
    ],
)
def test_batches_that_are_refused(body: Any, answer: Callable[[Any], Any], slug: str) -> None:
    assert refused(BATCH, answer, body).kind.slug == slug


def test_where_lists_are_not_asked_for_one_is_a_body_like_any_other() -> None:
    assert called("params: body", body=[1, 2])[1].requests[0]["params"] == [1, 2]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('params: {a: "{ix}"}', "the variable {ix} is no parameter of the path"),
        ('params: {a: "{claim.sub}"}', "cannot be known here"),
        ('params: {a: "{body.a[}"}', "is no JMESPath expression"),
        ("params: bodi", "expected a mapping, a list, or `body`"),
        ("select: 'a['", "is no JMESPath expression"),
        ("errors: {x: 404}", "expected a code of JSON-RPC such as -32004"),
        ("errors: {-32004: 200}", "expected a whole number from 400 to 599"),
        ("notification: true, select: a", "a notification has no answer to look at"),
        ("version: '1.0'", "expected `2.0`"),
        ("methd: x", "did you mean `method`?"),
    ],
)
def test_mistakes(more: str, expected: str) -> None:
    with pytest.raises(Exception, match=r"x\.yaml:6") as caught:
        loads(HEAD.replace("MORE", more), "x.yaml")
    assert expected in str(caught.value)
