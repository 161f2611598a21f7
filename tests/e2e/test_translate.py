"""JSON-RPC and GraphQL behind REST routes of a real gateway, over services that speak them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway
from tests.support.patient import patient_env
from tests.support.raw import Connection, Upstream
from tests.support.redis import redis
from tests.support.through import ask, config, get, logged, problem, serving

ROUTES = """
  - name: balance
    match: {path: "/accounts/{id:int}/balance", methods: [GET]}
    jsonrpc: {upstream: ledger, path: /rpc, method: balance, params: {account: "{id}"}, errors: {-32004: 404}}
  - name: add
    match: {path: /add, methods: [POST]}
    jsonrpc: {upstream: ledger, path: /rpc, method: add, params: ["{body.a}", "{body.b}"], batch: 5}
  - name: search
    match: {path: /search}
    graphql:
      upstream: reviews
      path: /graphql
      query: "query($q: String!, $first: Int) {search(q: $q, first: $first) {title}}"
      variables: {q: "{query.q}", first: "{query.first}"}
      select: data.search
  - name: graph
    match: {path: /graph}
    graphql: {upstream: reviews, path: /graphql, passthrough: {depth: 2}}
"""


def rpc(request: Any) -> Any:
    """A service with two methods."""
    if isinstance(request, list):
        return [rpc(each) for each in reversed(request)]
    answer = {"jsonrpc": "2.0", "id": request["id"]}
    params = request["params"]
    if request["method"] == "add":
        return answer | {"result": sum(params)}
    if params["account"] == 7:
        return answer | {"result": {"amount": "12.50"}}
    return answer | {"error": {"code": -32004, "message": "no such account"}}


def graphql(request: Any) -> Any:
    """A service that says what it was asked."""
    if "nothing" in str(request["variables"]):
        return {"errors": [{"message": "nobody knows", "extensions": {"code": "NOT_FOUND"}}], "data": None}
    return {"data": {"search": [{"title": json.dumps(request["variables"], sort_keys=True)}]}}


def speaking(answer: Callable[[Any], Any]) -> Callable[[Connection], None]:
    def play(connection: Connection) -> None:
        while True:
            _, body = connection.request()
            data = json.dumps(answer(json.loads(body))).encode()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))

    return play


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    ledger, reviews = Upstream(speaking(rpc)), Upstream(speaking(graphql))
    named = {"ledger": f'targets: ["{ledger.url}"]', "reviews": f'targets: ["{reviews.url}"]'}
    with serving(tmp_path_factory.mktemp("translate"), config(named, ROUTES)) as made:
        yield made
    ledger.close()
    reviews.close()


def told(gateway: Gateway, sent: bytes) -> tuple[int, Any]:
    status, _, body = ask(gateway, sent)
    return status, json.loads(body)


def test_a_method_by_get(gateway: Gateway) -> None:
    assert told(gateway, get("/accounts/7/balance")) == (200, {"amount": "12.50"})
    assert logged(gateway, "/accounts/7/balance")["upstream"] == "ledger"
    assert problem(gateway, get("/accounts/8/balance"))[:2] == (404, "rpc-error")


def test_a_method_with_what_the_body_has_and_several_at_once(gateway: Gateway) -> None:
    assert told(gateway, get("/add", method="POST", body=b'{"a": 1, "b": 2}')) == (200, 3)
    several = get("/add", method="POST", body=b'[{"a": 1, "b": 2}, {"a": 3, "b": 4}]')
    assert told(gateway, several) == (200, [{"status": 200, "result": 3}, {"status": 200, "result": 7}])
    assert problem(gateway, get("/add", method="POST", body=b"{"))[:2] == (400, "malformed-body")


def test_a_query_with_typed_variables(gateway: Gateway) -> None:
    assert told(gateway, get("/search?q=tea&first=3")) == (200, [{"title": '{"first": 3, "q": "tea"}'}])
    assert problem(gateway, get("/search?first=3"))[:2] == (400, "invalid-variables")
    assert problem(gateway, get("/search?q=nothing"))[:2] == (404, "rpc-error")


def test_what_clients_write_themselves_is_bounded(gateway: Gateway) -> None:
    within = b'{"query": "{a {b}}", "variables": {"x": 1}}'
    assert told(gateway, get("/graph", method="POST", body=within))[1]["data"]["search"] == [{"title": '{"x": 1}'}]
    beyond = b'{"query": "{a {b {c}}}"}'
    assert problem(gateway, get("/graph", method="POST", body=beyond))[:2] == (400, "query-refused")


def test_a_request_becomes_an_entry_of_a_stream(tmp_path: Path) -> None:
    with redis(tmp_path) as store:
        route = "  - {name: events, match: {path: /events}, enqueue: {stream: events, max_length: 2}}\n"
        text = config({}, route).replace("routes:", f"store: redis://127.0.0.1:{store.port}/0\nroutes:")
        with serving(tmp_path / "g", text, env=patient_env(tmp_path)) as gateway:
            sent = get("/events", method="POST", body=b"hello")
            assert [told(gateway, sent)[0] for _ in range(2)] == [202, 202]
            assert store.ask("XLEN", "gw:stream:events") == ":2"
            assert problem(gateway, sent)[:2] == (503, "stream-full")
            store.stop()
            assert problem(gateway, sent)[:2] == (503, "store-unavailable")
