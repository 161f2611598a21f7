"""GraphQL behind REST: variables by their types, and what becomes of every answer."""

# ruff: noqa: E501 (a table has a row a line)

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.config.document import load, loads
from gateway.errors import GatewayError
from gateway.exchange import Exchange, Response
from gateway.handlers.jsonrpc.compile import compile_graphql as compiled
from gateway.handlers.jsonrpc.options import GraphQL
from gateway.upstream.compile import CompiledUpstream
from tests.exchanges import exchange

HEAD = """version: 1
upstreams: {reviews: {targets: ['http://127.0.0.1:1']}}
routes:
  - name: search
    match: {path: "/search/{n:int}"}
    graphql:
      upstream: reviews
      path: /graphql
"""
QUERY = '      query: "query($q: String!, $n: Int, $f: Float, $b: Boolean, $l: [ID!], $o: Order = {}) {search(q: $q) {id}}"\n'
VARIABLES = (
    '      variables: {q: "{query.q}", n: "{n}", f: "{query.f}", b: "{query.b}", l: "{query.l}", o: "{query.o}"}\n'
)


class Reviews:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.requests: list[Any] = []

    def fetch(self, made: Exchange) -> Response:
        assert made.body is not None
        self.requests.append(json.loads(made.body.read()))
        return self.answer if isinstance(self.answer, Response) else Response(200, [], json.dumps(self.answer).encode())


def spec_of(text: str) -> GraphQL:
    spec = loads(HEAD + text, "x.yaml").routes[0].graphql
    assert isinstance(spec, GraphQL)
    return spec


def asked(text: str, target: str, answer: Any = None, body: Any = None) -> tuple[Response, Reviews]:
    service = Reviews({"data": {"search": [{"id": 1}]}} if answer is None else answer)
    given = exchange("POST", target, started=time.monotonic(), params={"n": "7"})
    given.plan = None
    if body is not None:
        data = json.dumps(body).encode()
        given.body, given.body_length = io.BytesIO(data), len(data)
    return compiled(spec_of(text), CompiledUpstream(service.fetch, 5.0)).fetch(given), service


def variables(query: str) -> Any:
    return asked(QUERY + VARIABLES, f"/search/7?{query}")[1].requests[0]["variables"]


def test_texts_become_what_the_variable_asks_for() -> None:
    assert variables("q=tea%20%C3%A9&f=1.5&b=true&l=x&o=up") == {
        "q": "tea é", "n": 7, "f": 1.5, "b": True, "l": ["x"], "o": "up"
    }  # fmt: skip


def test_what_is_not_there_is_left_out() -> None:
    assert variables("q=tea") == {"q": "tea", "n": 7}


@pytest.mark.parametrize(
    ("query", "words"),
    [("", "The value for q is missing"), ("q=a&f=x", "f is no Float"), ("q=a&b=1", "b is neither true nor false")],
)
def test_what_does_not_fit_is_refused(query: str, words: str) -> None:
    with pytest.raises(GatewayError, match=words) as caught:
        variables(query)
    assert caught.value.kind.slug == "invalid-variables"


BODY = """      query: "mutation($n: Int!, $s: [[String]], $i: Item, $id: ID) {add(n: $n) {id}}"
      variables: {n: "{body.n}", s: "{body.s}", i: {name: "{body.name}", of: 7}, id: "{body.id}"}
"""


def test_what_the_body_has_must_be_of_the_type() -> None:
    _, service = asked(BODY, "/search/7", body={"n": 3, "s": [["a"], "b"], "name": "x", "id": 9})
    assert service.requests[0]["variables"] == {"n": 3, "s": [["a"], ["b"]], "i": {"name": "x", "of": 7}, "id": 9}


@pytest.mark.parametrize(
    "body",
    [{"n": 1.5}, {"n": True}, {"n": 2**31}, {"n": "1x"}, {"n": None}, {}, {"n": 1, "s": [[1]]}, {"n": 1, "id": 1.5}],
)
def test_and_is_refused_otherwise(body: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        asked(BODY, "/search/7", body=body)
    assert caught.value.kind.slug == "invalid-variables"


SIMPLE = '      query: "{search {id}}"\n'


def test_the_answer_and_what_is_selected_of_it() -> None:
    response, service = asked(SIMPLE, "/search/7")
    assert json.loads(response.body) == {"data": {"search": [{"id": 1}]}}
    assert service.requests == [{"query": "{search {id}}", "variables": {}}]
    response, _ = asked(SIMPLE + "      select: data.search[0].id\n", "/search/7")
    assert response.body == b"1"


def failed(text: str, answer: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        asked(text, "/search/7", answer)
    return caught.value


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("FORBIDDEN", 403),
        ("UNAUTHENTICATED", 401),
        ("BAD_USER_INPUT", 400),
        ("NOT_FOUND", 404),
        ("X", 502),
        ("TEAPOT", 418),
    ],
)
def test_what_errors_stand_for(code: str, status: int) -> None:
    answer = {"errors": [{"message": "no", "extensions": {"code": code}, "path": ["secret"]}], "data": None}
    error = failed(SIMPLE + "      errors: {TEAPOT: 418}\n", answer)
    assert (error.kind.slug, error.kind.status, error.detail) == ("rpc-error", status, "no")
    assert error.extensions == {"rpc": {"code": code, "message": "no"}}


def test_errors_may_come_with_another_status() -> None:
    answer = Response(400, [], b'{"errors": [{"message": "bad"}]}')
    assert failed(SIMPLE, answer).kind.slug == "rpc-error"


def test_data_beside_errors_is_marked_or_refused() -> None:
    answer = {"errors": [{"message": "no"}], "data": {"search": None, "more": 1}}
    response, _ = asked(SIMPLE, "/search/7", answer)
    assert dict(response.headers)["X-Gateway-Complete"] == "false" and response.status == 200
    assert failed(SIMPLE + "      partial: false\n", answer).kind.slug == "rpc-error"


@pytest.mark.parametrize(
    "answer",
    [
        [], 1, {}, {"errors": "x"}, {"errors": [1]}, Response(200, [], b"<html>"), Response(500, [], b'{"data": {}}'),
        Response(502, [], b""),
    ],
)  # fmt: skip
def test_what_is_no_answer(answer: Any) -> None:
    assert failed(SIMPLE, answer).kind.slug == "upstream-bad-answer"


def test_of_several_operations_one_is_named() -> None:
    text = '      query: "query A {a} query B($n: Int!) {b(n: $n)}"\n      operation: B\n      variables: {n: "{n}"}\n'
    assert asked(text, "/search/7")[1].requests[0]["operationName"] == "B"


def test_a_document_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "search.graphql").write_text("{\n  search {id}\n}\n")
    path = tmp_path / "x.yaml"
    path.write_text(HEAD + '      query: "file:search.graphql"\n')
    document = load(path)
    assert document.routes[0].graphql is not None and document.routes[0].graphql.query.startswith("{\n  search")
    assert str(tmp_path / "search.graphql") in document.files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "there is nothing to ask"),
        ('      query: "{search"\n', "the query cannot be run: Expected Name, found <EOF>. (line 1, column 8)"),
        ('      query: "fragment A on B {c}"\n', "it has no operation"),
        ('      query: "query A {a} query B {b}"\n', "it has several operations and none is named"),
        ('      query: "query A {a}"\n      operation: B\n', "there is no operation B"),
        ('      query: "subscription {a}"\n', "a subscription has no single answer"),
        (SIMPLE + "      variables: {q: 1}\n", "the operation has no variable $q"),
        (QUERY + "      variables: {n: 1}\n", "the operation needs a value for $q"),
        (QUERY + '      variables: {q: "{x}"}\n', "the variable {x} is no parameter of the path"),
        (SIMPLE + "      select: 'a['\n", "is no JMESPath expression"),
        ('      query: "file:none.graphql"\n', "cannot be read"),
        (SIMPLE + "      passthrough: {}\n", "`query` has no effect beside `passthrough`"),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    with pytest.raises(Exception, match=r"x\.yaml:") as caught:
        spec_of(text)
    assert expected in str(caught.value)
