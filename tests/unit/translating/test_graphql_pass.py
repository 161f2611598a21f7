"""GraphQL of the clients' own: what is handed on, and what is too much."""

# ruff: noqa: E501 (a table has a row a line)

from __future__ import annotations

import hashlib
import io
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.errors import GatewayError
from gateway.exchange import Exchange, Response
from gateway.handlers.graphql import section as graphql
from gateway.handlers.graphql.document import DocumentError, chosen, read
from gateway.handlers.jsonrpc.compile import compile_passthrough
from gateway.handlers.jsonrpc.options import GraphQLPass
from gateway.upstream.compile import CompiledUpstream
from tests.exchanges import exchange

HEAD = """version: 1
upstreams: {graph: {targets: ['http://127.0.0.1:1']}}
routes:
  - name: graph
    match: {path: /graphql}
    graphql: {upstream: graph, path: /graphql, passthrough: {MORE}}
"""
KEPT = "{ kept }"
DIGEST = hashlib.sha256(KEPT.encode()).hexdigest()


def spec_of(folder: Path, more: str, persisted: Any = None) -> GraphQLPass:
    (folder / "kept.json").write_text(json.dumps({DIGEST: KEPT} if persisted is None else persisted))
    (folder / "x.yaml").write_text(HEAD.replace("MORE", more))
    spec = load(folder / "x.yaml").routes[0].graphql
    assert isinstance(spec, GraphQLPass)
    return spec


def asked(folder: Path, body: Any, more: str = "", method: str = "POST", query: str = "") -> tuple[Exchange, Any]:
    seen: list[Exchange] = []

    def fetch(made: Exchange) -> Response:
        seen.append(made)
        return Response(200, [], b"{}")

    given = exchange(
        method, f"/graphql?{query}", [("Accept", "application/graphql-response+json")], started=time.monotonic()
    )
    given.plan = None
    if body is not None:
        data = json.dumps(body).encode()
        given.body, given.body_length = io.BytesIO(data), len(data)
    assert compile_passthrough(spec_of(folder, more), CompiledUpstream(fetch, 5.0)).fetch(given).body == b"{}"
    assert seen[0].body is not None
    return seen[0], json.loads(seen[0].body.read())


def refused(folder: Path, body: Any, more: str = "", **how: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        asked(folder, body, more, **how)
    return caught.value


def test_what_is_within_bounds_is_handed_on(tmp_path: Path) -> None:
    body = {"query": "query A($n: Int) {a(n: $n) {b}}", "variables": {"n": 1}, "operationName": "A", "other": 1}
    made, sent = asked(tmp_path, body)
    assert sent == {key: body[key] for key in ("query", "variables", "operationName")}
    assert (made.method, made.target) == ("POST", "/graphql")
    assert [value for name, value in made.headers if name == "Accept"] == ["application/graphql-response+json"]


def test_by_get_too_but_no_mutation(tmp_path: Path) -> None:
    query = f"query={quote('query($n: Int) {a(n: $n)}')}&variables={quote(json.dumps({'n': 1}))}"
    assert asked(tmp_path, None, method="GET", query=query)[1]["variables"] == {"n": 1}
    error = refused(tmp_path, None, method="GET", query=f"query={quote('mutation {a}')}")
    assert error.kind.slug == "query-refused"


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (None, "invalid-query"), ([], "invalid-query"), ({}, "invalid-query"), ({"query": 1}, "invalid-query"),
        ({"query": "{a"}, "invalid-query"), ({"query": "{...A}"}, "invalid-query"),
        ({"query": "{...A} fragment A on B {...A}"}, "invalid-query"), ({"query": "query A {a} query B {b}"}, "invalid-query"),
        ({"query": "{a}", "variables": []}, "invalid-query"), ({"query": "{a}", "operationName": 1}, "invalid-query"),
        ({"query": "subscription {a}"}, "query-refused"), ({"query": "{__schema {types {name}}}"}, "query-refused"),
        ({"query": "{a {b {c {d}}}}"}, "query-refused"), ({"query": "{a: x b: x c: x}"}, "query-refused"),
        ({"query": "{" * 300}, "invalid-query"), ({"query": "{" + "a " * 20_000 + "}"}, "invalid-query"),
        ({"query": "{a(first: 100) {b}}"}, "query-refused"),
        ({"query": "query($n: Int) {a(first: $n) {b}}", "variables": {"n": 100}}, "query-refused"),
        ({"query": "query($n: Int = 5) {a(first: $n) {b}}"}, "query-refused"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, body: Any, slug: str) -> None:
    assert refused(tmp_path, body, "depth: 3, complexity: 50, aliases: 2").kind.slug == slug


def test_the_schema_is_told_where_that_is_asked_for(tmp_path: Path) -> None:
    asked(tmp_path, {"query": "{__schema {types {name}}}"}, "introspection: true")


def test_documents_that_are_kept_here(tmp_path: Path) -> None:
    persisted = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": DIGEST}}}
    _, sent = asked(tmp_path, persisted, "persisted: kept.json, only: true")
    assert sent == {"query": KEPT, "extensions": {}}
    assert asked(tmp_path, {"query": KEPT}, "persisted: kept.json, only: true")[1]["query"] == KEPT
    assert refused(tmp_path, {"query": "{ other }"}, "persisted: kept.json, only: true").kind.slug == "query-refused"
    unknown = {"extensions": {"persistedQuery": {"sha256Hash": "0" * 64}}}
    assert "PersistedQueryNotFound" in refused(tmp_path, unknown, "persisted: kept.json").detail


@pytest.mark.parametrize(
    ("more", "persisted", "expected"),
    [
        ("only: true", None, "nothing could be run"),
        ("depth: 0", None, "expected a whole number from 1 to 1,000"),
        ("persisted: none.json", None, "cannot be read"),
        ("persisted: kept.json", [], "is no JSON object of documents"),
        ("persisted: kept.json", {"x": "{a}"}, "is no SHA-256"),
        ("persisted: kept.json", {"0" * 64: "{a}"}, "has another hash"),
        ("persisted: kept.json", {hashlib.sha256(b"{").hexdigest(): "{"}, "cannot be run"),
    ],
)
def test_mistakes(tmp_path: Path, more: str, persisted: Any, expected: str) -> None:
    with pytest.raises(Exception, match=expected):
        spec_of(tmp_path, more, persisted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a}", (1, 1, 0, False)),
        ("{a {b c: d} ... on X {e {f {g}}}}", (3, 6, 1, False)),
        ("{...A ...A} fragment A on B {a {b}}", (2, 4, 0, False)),
        ("{a(first: 3) {b(last: 2) {c}}}", (3, 1 + 3 * (1 + 2 * 1), 0, False)),
        ("{a {__type(name: \"x\") {name}}}", (3, 3, 0, True)),
        ("{__typename}", (1, 1, 0, False)),
    ],
)  # fmt: skip
def test_what_a_document_weighs(text: str, expected: tuple[int, int, int, bool]) -> None:
    weight = chosen(read(text), "").weight({})
    assert (weight.depth, weight.complexity, weight.aliases, weight.has_introspection) == expected


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{a(first: 1, last: 5000) {b}}", {}),
        ("query($n: Int = 5000) {a(first: $n) {b}}", {}),
        ("query($n: Int = 1) {a(first: $n) {b}}", {"n": 5000}),
        ("query($n: Int) {a(first: $n) {b}}", {"n": 5000.0}),
        ("query($n: Int) {a(first: $n, limit: 3) {b}}", {"n": -5000}),
    ],
)
def test_lists_count_as_often_as_the_service_may_read_them(text: str, values: dict[str, Any]) -> None:
    assert chosen(read(text), "").weight(values).complexity == 5001


@pytest.mark.parametrize("given", [{}, {"n": None}, {"n": True}, {"n": "many"}, {"n": float("nan")}])
def test_a_list_of_a_length_that_nobody_knows(given: dict[str, Any]) -> None:
    assert chosen(read("query($n: Int) {a(first: $n) {b}}"), "").weight(given).complexity == 101


def test_fragments_that_cannot_be_weighed() -> None:
    chain = "".join(f" fragment F{n} on X {{...F{n + 1}}}" for n in range(1100))
    with pytest.raises(DocumentError, match="nested too deep"):
        chosen(read("{...F0}" + chain + " fragment F1100 on X {a}"), "").weight({})
    with pytest.raises(DocumentError, match="two fragments"):
        read("{...F} fragment F on X {a} fragment F on X {a(first: 9) {b}}")


def test_fragments_in_fragments_take_no_time_to_weigh() -> None:
    """2 ** 60 fields in 60 fragments."""
    text = "{...F0}" + "".join(f" fragment F{n} on X {{...F{n + 1} ...F{n + 1}}}" for n in range(60))
    assert chosen(read(text + " fragment F60 on X {a}"), "").weight({}).complexity == 2**60


def test_what_is_nested_without_end_is_no_document() -> None:
    with pytest.raises(DocumentError):
        read("{a" * 4000 + "}" * 4000)


def test_the_package_it_needs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"x\.yaml:6:\d+: routes\[0\]\.graphql: GraphQL needs the package graphql-core"
    ):
        spec_of(tmp_path, "")
