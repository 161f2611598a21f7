"""`sanitize` in a real gateway: what is refused, what is told, and what still goes through as it came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from gateway.cli.group import main
from tests.support.gateway import Gateway
from tests.support.raw import Upstream, echo
from tests.support.through import ask, config, get, serving

ROUTES = """
  - name: items
    match: {path: "/items/{id}"}
    upstream: up
    sanitize: {except: {body: [/comment]}}
  - {name: log, match: {path: /log}, upstream: up, sanitize: {sql_injection: log, max_body: 2KB}}
  - {name: open, match: {path: /open}, upstream: up, sanitize: off}
"""
DEFAULTS = "defaults: {sanitize: {sql_injection: block, xss: block}}\n"
SQL, XSS = "1' or '1'='1", "<script>alert(1)</script>"
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sanitize")


@pytest.fixture(scope="module")
def gateway(folder: Path) -> Iterator[Gateway]:
    upstream = Upstream(echo)
    with serving(folder, config({"up": f'targets: ["{upstream.url}"]'}, ROUTES) + DEFAULTS) as made:
        yield made
    upstream.close()


def post(body: bytes, *lines: str, target: str = "/items/7") -> bytes:
    return get(target, *(lines or (JSON,)), method="POST", body=body)


@pytest.mark.parametrize(
    ("sent", "part", "field"),
    [
        (get(f"/items/7?a=1&q={quote(SQL)}"), "query", "q"),
        (get(f"/items/{quote(SQL)}"), "path", "id"),
        (get("/items/7", f"X-Note: {XSS}"), "headers", "X-Note"),
        (get("/items/7", f"Cookie: a=b; c={quote(quote(XSS))}"), "cookies", "c"),
        (post(json.dumps({"note": XSS}).encode()), "body", "/note"),
        (post(f"note={quote(SQL)}".encode(), "Content-Type: application/x-www-form-urlencoded"), "body", "note"),
    ],
)
def test_an_attack_gets_403_with_its_place(gateway: Gateway, sent: bytes, part: str, field: str) -> None:
    status, headers, body = ask(gateway, sent)
    told = json.loads(body)
    assert (status, headers["content-type"]) == (403, "application/problem+json")
    assert told["type"] == "urn:gateway:error:request-rejected"
    assert (told["part"], told["field"]) == (part, field)
    assert "sql" not in body.decode() and "alert" not in body.decode()


def test_what_is_harmless_reaches_the_upstream_as_it_came(gateway: Gateway) -> None:
    body = '{"name": "Seán O\'Brien",  "note": "rock \'n\' roll -- live; 50% off", "comment": "<script>"}'.encode()
    status, _, seen = ask(gateway, post(body, target="/items/7?q=men%27s+shoes"))
    assert status == 200
    assert seen.startswith(b"POST /items/7?q=men%27s+shoes HTTP/1.1\r\n") and seen.endswith(b"\r\n\r\n" + body)


def test_a_body_that_is_no_text_is_not_read(gateway: Gateway) -> None:
    data = bytes(range(256)) * 12
    status, _, seen = ask(gateway, post(data, "Content-Type: application/octet-stream", target="/log"))
    assert status == 200 and seen.endswith(data)
    status, _, body = ask(gateway, post(data, "Content-Type: text/plain", target="/log"))
    assert status == 413 and json.loads(body)["type"] == "urn:gateway:error:body-too-large"


def test_log_lets_in_and_writes_no_value(gateway: Gateway) -> None:
    status, _, _ = ask(gateway, get(f"/log?q={quote(SQL)}"))
    assert status == 200
    assert ask(gateway, get(f"/log?q={quote(XSS)}"))[0] == 403
    assert ask(gateway, get(f"/open?q={quote(XSS)}"))[0] == 200


def test_explain_says_where(gateway: Gateway, folder: Path) -> None:
    words = ["explain", "-c", str(folder / "gateway.yaml"), "POST", "/items/7", "-d", json.dumps({"note": SQL})]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert "answer    403 request-rejected" in result.output and "'/note'" in result.output
    assert "but not /comment in the body" in result.output
