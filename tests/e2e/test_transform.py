"""`transform` and renamed headers in a real gateway."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli.group import main
from tests.support.gateway import Gateway
from tests.support.raw import Connection, Upstream
from tests.support.through import ask, config, get, problem, sending, serving

ROUTES = """
  - name: user
    match: {path: "/users/{id:int}"}
    upstream: up
    compress: {min_size: 1B}
    headers:
      request: {rename: {X-Old: X-New}}
      response: {rename: {X-Internal-Id: X-Id}}
    transform:
      query: {rename: {q: search}, remove: [debug], set: {user: "{id}"}}
      request: {json: {remove: [is_admin], set: {user.id: "{id}", user.via: "{header.Host}"}}, max_body: 64KB}
      response:
        json: {remove: ["user.ssn", "items[*].cost"], rename: {user.mail: email}, set: {meta.id: "{id}"}}
        max_body: 64KB
  - name: kept
    match: {path: /kept}
    upstream: up
    cache: {ttl: 60s}
    compress: {min_size: 1B}
    transform: {response: {json: {remove: [user]}}}
  - name: picked
    match: {path: /picked}
    upstream: up
    transform: {response: {json: {select: "items[].{sku: sku}"}}}
"""
ANSWER = {
    "user": {"ssn": "SECRET", "mail": "a@b"},
    "items": [{"sku": 1, "cost": 2}, {"sku": 3, "cost": 4}],
    "text": "more " * 50,
}
WANTED = {"user": {"email": "a@b"}, "items": [{"sku": 1}, {"sku": 3}], "text": "more " * 50, "meta": {"id": 7}}
JSON = "Content-Type: application/json"


def play(connection: Connection) -> None:
    while True:
        head, body = connection.request()
        wish = head.lower().partition(b"\r\nx-wish: ")[2].partition(b"\r\n")[0]
        told, fields, status = json.dumps(ANSWER).encode(), b"Content-Type: application/json\r\n", b"200 OK"
        if wish == b"echo":
            told, fields = head + body, b"Content-Type: text/plain\r\n"
        elif wish == b"coded":
            told, fields = gzip.compress(told), fields + b"Content-Encoding: gzip\r\n"
        elif wish == b"broken":
            told = told[:-1]
        elif wish == b"large":
            told = b'{"user": {"ssn": "SECRET"}, "more": "%s"}' % (b"x" * 70_000)
        elif wish == b"part":
            status, fields = b"206 Partial Content", fields + b"Content-Range: bytes 0-9/99\r\n"
        elif wish == b"error":
            status = b"404 Not Found"
        fields += b'ETag: "a"\r\nX-Internal-Id: 9\r\n'
        connection.send(b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, fields, len(told), told))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    upstream = Upstream(play)
    with serving(tmp_path_factory.mktemp("transform"), config({"up": f'targets: ["{upstream.url}"]'}, ROUTES)) as made:
        yield made
    upstream.close()


def wishing(wish: str, *lines: str, target: str = "/users/7", **more: Any) -> bytes:
    return get(target, f"X-Wish: {wish}", "Cache-Control: no-store", *lines, **more)


@pytest.mark.parametrize("wish", ["plain", "coded"])
def test_what_the_client_gets(gateway: Gateway, wish: str) -> None:
    status, headers, body = ask(gateway, wishing(wish))
    assert (status, json.loads(body)) == (200, WANTED)
    assert (headers["etag"], headers["x-id"]) == ('W/"a"', "9")
    assert "content-encoding" not in headers and "x-internal-id" not in headers
    _, headers, body = ask(gateway, wishing(wish, "Accept-Encoding: gzip", "Range: bytes=0-9"))
    assert headers["content-encoding"] == "gzip" and json.loads(gzip.decompress(body)) == WANTED


@pytest.mark.parametrize("wish", ["broken", "large", "part"])
def test_what_cannot_be_transformed_is_not_passed_on(gateway: Gateway, wish: str) -> None:
    assert problem(gateway, wishing(wish))[:2] == (502, "transform-failed")
    assert b"SECRET" not in ask(gateway, wishing(wish))[2]


def test_other_answers_stay(gateway: Gateway) -> None:
    status, headers, body = ask(gateway, wishing("error"))
    assert (status, json.loads(body), headers["etag"]) == (404, ANSWER, '"a"')


def test_what_is_kept_is_what_was_made(gateway: Gateway) -> None:
    for number in range(2):
        _, headers, body = ask(gateway, get("/kept", "Accept-Encoding: gzip"))
        assert b"SECRET" not in gzip.decompress(body) and json.loads(gzip.decompress(body)).keys() == {"items", "text"}
        assert ("; hit" in headers["cache-status"]) == (number == 1)
    _, headers, body = ask(gateway, get("/kept", "Accept-Encoding: gzip", "Range: bytes=0-9"))
    assert b"SECRET" not in body


def test_what_the_upstream_gets(gateway: Gateway) -> None:
    body = b'{"is_admin": true, "name": "tea", "user": {"name": "ann"}}'
    lines = (JSON, "X-Old: 1", "X-New: forged", "X-Old: 2")
    target = "/users/7?a=%7e&q=x+y&debug&user=8&b"
    status, _, seen = ask(gateway, wishing("echo", *lines, target=target, method="POST", body=body))
    head, _, sent = seen.partition(b"\r\n\r\n")
    assert status == 200 and head.startswith(b"POST /users/7?a=%7e&search=x+y&b&user=7 HTTP/1.1\r\n")
    assert b"X-New: 1\r\nX-New: 2\r\n" in head and b"X-Old" not in head and b"forged" not in head
    assert b"Accept-Encoding: identity" in head and b"\r\nContent-Length: %d" % len(sent) in head
    assert json.loads(sent) == {"name": "tea", "user": {"name": "ann", "id": 7, "via": "a.example"}}


@pytest.mark.parametrize(
    ("lines", "body", "status", "slug"),
    [
        ((JSON,), b"{", 400, "malformed-body"),
        (("Content-Type: text/plain",), b"{}", 415, "unsupported-media-type"),
        ((JSON,), b'{"a": "%s"}' % (b"x" * 70_000), 413, "body-too-large"),
    ],
)
def test_what_is_not_taken(gateway: Gateway, lines: tuple[str, ...], body: bytes, status: int, slug: str) -> None:
    assert problem(gateway, get("/users/7", *lines, method="POST", body=body))[:2] == (status, slug)


def test_the_connection_goes_on(gateway: Gateway) -> None:
    first = (
        wishing("echo", JSON, "Transfer-Encoding: chunked", method="POST") + b'9\r\n{"a": [1]\r\n1\r\n}\r\n0\r\n\r\n'
    )
    with sending(gateway, first + get("/picked")) as client:
        assert client.answer()[2].endswith(b'{"a":[1],"user":{"id":7,"via":"a.example"}}')
        assert json.loads(client.answer()[2]) == [{"sku": 1}, {"sku": 3}]


def test_routes_without_it_are_as_they_were(gateway: Gateway) -> None:
    _, headers, body = ask(gateway, get("/up/x", "X-Wish: broken"))
    assert body == json.dumps(ANSWER).encode()[:-1] and headers["etag"] == '"a"'


def test_explain_shows_it(gateway: Gateway) -> None:
    words = ["explain", "-c", str(gateway.config), "POST", "/users/7?q=1", "-d", '{"a": 1}']
    told = CliRunner().invoke(main, words).stdout
    assert "/users/7?search=1&user=7\n" in told
    assert "answer: rename user.mail to email, remove user.ssn, remove items[*].cost, set meta.id\n" in told
    assert "answer    400 malformed-body" in CliRunner().invoke(main, [*words[:-1], "{"]).stdout
