"""`validate` in a real gateway: what gets through, what does not, and what becomes of the connection."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.group import main
from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Upstream, echo
from tests.support.through import ask, config, get, memory, problem, sending, serving

ROUTES = """
  - name: create
    match: {path: "/items/{id:int}", methods: [POST, GET]}
    upstream: up
    validate:
      body: item.json
      query: {properties: {dry_run: {type: boolean}}, additionalProperties: false}
      max_body: 64KB
  - name: form
    match: {path: /form, methods: [POST]}
    upstream: up
    validate: {multipart: {part_size: 200KB, fields: {a: {content_type: [text/plain]}}}, produces: [text/plain]}
  - {name: put, match: {path: /put}, upstream: up, validate: {content_type: [text/plain], max_body: 10KB}}
"""
ITEM = {"type": "object", "required": ["name"], "properties": {"name": {"$ref": "name.json"}}}
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("validate")
    (folder / "item.json").write_text(json.dumps(ITEM))
    (folder / "name.json").write_text('{"type": "string", "maxLength": 5}')
    with serving(folder, config({"up": f'targets: ["{upstream.url}"]'}, ROUTES)) as made:
        yield made


def post(body: bytes, *lines: str, target: str = "/items/7") -> bytes:
    return get(target, JSON, *lines, method="POST", body=body)


def chunked(*pieces: bytes) -> bytes:
    head = get("/items/7", JSON, "Transfer-Encoding: chunked", method="POST")
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_a_good_body_reaches_the_upstream_as_it_came(gateway: Gateway) -> None:
    body = b' {"name" : "tea"}\n'
    status, _, seen = ask(gateway, post(body, target="/items/7?dry_run=true"))
    assert status == 200
    assert seen.startswith(b"POST /items/7?dry_run=true HTTP/1.1\r\n") and seen.endswith(b"\r\n\r\n" + body)
    assert b"content-length: 18" in seen.lower()


def test_a_compressed_and_a_chunked_one_too(gateway: Gateway) -> None:
    data = gzip.compress(b'{"name": "tea"}')
    status, _, seen = ask(gateway, post(data, "Content-Encoding: gzip"))
    assert status == 200 and data.hex() in seen.hex()
    status, _, seen = ask(gateway, chunked(b'{"name":', b' "tea"}'))
    assert status == 200 and b"transfer-encoding: chunked" in seen.lower()


def test_the_answer_says_where_and_what(gateway: Gateway) -> None:
    status, headers, body = ask(gateway, post(b'{"name": "chamomile"}'))
    told = json.loads(body)
    assert (status, headers["content-type"]) == (422, "application/problem+json")
    assert told["type"] == "urn:gateway:error:invalid-body"
    assert told["errors"] == [{"pointer": "/name", "detail": "the value is longer than 5 characters"}]


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (post(b'{"name": "a", "name": "b"}'), 400, "malformed-body"),
        (post(b"[" * 20_000 + b"]" * 20_000), 422, "body-too-complex"),
        (post(b"[" + b"0," * 20_000 + b"0]"), 422, "body-too-complex"),
        (post(b'{"name": NaN}'), 400, "malformed-body"),
        (post(b'{"name": "\xff"}'), 400, "malformed-body"),
        (post(b"{}", target="/items/7?dry_run=maybe"), 400, "invalid-query"),
        (get("/items/7", JSON, "Content-Length: 2147483648", method="POST"), 413, "body-too-large"),
        (get("/items/7", JSON, "Content-Length: 65537", "Expect: 100-continue", method="POST"), 413, "body-too-large"),
        (chunked(b" " * 60_000, b" " * 60_000), 413, "body-too-large"),
        (post(gzip.compress(b" " * 60_000_000)[:60_000], "Content-Encoding: gzip"), 413, "body-too-large"),
        (get("/items/7", "Content-Type: text/xml", method="POST", body=b"<a/>"), 415, "unsupported-media-type"),
        (get("/items/7", method="POST", body=b"{}"), 415, "unsupported-media-type"),
        (get("/items/7", JSON, method="POST"), 400, "missing-body"),
        (get("/items/7", JSON, body=b"{}"), 400, "unexpected-body"),
        (get("/put", "Content-Type: text/plain", method="PUT", body=b"x" * 10_241), 413, "body-too-large"),
    ],
    ids=[
        *("twice", "deep", "wide", "NaN", "utf-8", "query", "2GB", "expect", "chunks", "bomb", "xml", "no type"),
        *("no body", "GET", "not read"),
    ],
)
def test_what_does_not_get_through(gateway: Gateway, sent: bytes, status: int, slug: str) -> None:
    assert problem(gateway, sent)[:2] == (status, slug)


def test_bombs_cost_no_memory(gateway: Gateway) -> None:
    bomb = gzip.compress(b" " * 60_000_000)[:60_000]
    assert problem(gateway, post(bomb, "Content-Encoding: gzip"))[0] == 413
    before = memory(gateway)
    for _ in range(20):
        assert problem(gateway, post(bomb, "Content-Encoding: gzip"))[0] == 413
    assert memory(gateway) - before < 20 << 20


def test_what_follows_a_refused_request_is_answered(gateway: Gateway) -> None:
    sent = post(b'{"name": 1}') + post(b'{"name": "a", "name": "b"}') + post(b'{"name": "tea"}') + get("/up/last")
    with sending(gateway, sent) as client:
        assert [client.answer()[0] for _ in range(4)] == [422, 400, 200, 200]


def test_a_body_is_asked_for_when_the_rest_is_right(gateway: Gateway) -> None:
    head = get("/items/7", JSON, "Content-Length: 15", "Expect: 100-continue", method="POST")
    with sending(gateway, head) as client:
        assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        client.send(b'{"name": "tea"}')
        assert client.answer()[0] == 200


def test_a_body_that_is_not_read_ends_at_its_bound(gateway: Gateway) -> None:
    sent = get("/put", "Content-Type: text/plain", "Transfer-Encoding: chunked", method="PUT")
    with sending(gateway, sent + b"2000\r\n" + b"x" * 8192 + b"\r\n" + b"2000\r\n" + b"x" * 8192 + b"\r\n") as client:
        assert client.answer()[0] == 413


def form(size: int, kind: str = "text/plain") -> bytes:
    head = f'--XYZ\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: {kind}\r\n\r\n'.encode()
    return head + b"x" * size + b"\r\n--XYZ--\r\n"


def test_a_form_passes_as_it_came_and_one_that_does_not_fit_never_ends(gateway: Gateway, upstream: Upstream) -> None:
    kind = "Content-Type: multipart/form-data; boundary=XYZ"
    good = form(200 * 1024)
    status, _, seen = ask(gateway, get("/form", kind, method="POST", body=good))
    assert status == 200 and seen.endswith(good)
    assert problem(gateway, get("/form", kind, method="POST", body=form(9, "a/b")))[:2] == (422, "invalid-body")
    large = get("/form?large", kind, method="POST", body=form(200 * 1024 + 1))
    assert problem(gateway, large)[:2] == (413, "body-too-large")
    last = upstream.connections[-1]  # which may be cut before it has read anything
    assert last.ended.wait(5) and not (b"/form?large" in last.received and last.received.endswith(b"--XYZ--\r\n"))
    assert problem(gateway, get("/form", "Accept: image/*", method="POST"))[:2] == (406, "not-acceptable")


def test_a_changed_schema_is_a_changed_configuration(tmp_path: Path) -> None:
    upstream = Upstream(echo)
    (tmp_path / "item.json").write_text(json.dumps(ITEM))
    (tmp_path / "name.json").write_text('{"maxLength": 1}')
    with serving(tmp_path, config({"up": f'targets: ["{upstream.url}"]'}, ROUTES)) as made:
        assert ask(made, post(b'{"name": "tea"}'))[0] == 422
        (tmp_path / "name.json").write_text('{"maxLength": 9}')
        wait_until(lambda: ask(made, post(b'{"name": "tea"}'))[0] == 200, "the new schema counts")
    upstream.close()


def test_explain_says_what_the_gateway_says(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text('{"name": "chamomile"}')

    def explain(*words: str) -> str:
        found = CliRunner().invoke(main, ["explain", "-c", str(gateway.config), "POST", "/items/7", *words])
        assert found.exit_code == 0, found.output
        return found.stdout

    told = explain("-d", f"@{file}")
    assert "schema    body: item.json, " in told
    assert "answer    422 invalid-body" in told
    assert "fault     /name: the value is longer than 5 characters" in told
    assert "answer    400 malformed-body" in explain("-d", "{")
    assert "answer    415" in explain("-d", "{}", "-H", "Content-Type: text/plain")
    assert "answer" not in explain("-d", '{"name": "tea"}')
    assert "guard" in explain() and "(not run here)" in explain()
    missing = CliRunner().invoke(main, ["explain", "-c", str(gateway.config), "POST", "/", "-d", "@/none"])
    assert missing.exit_code == 2
