"""`function` and `wsgi` in a real gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.group import main
from tests.support.gateway import Gateway
from tests.support.through import ask, config, get, problem

CODE = """
import threading

def echo(request):
    if request.method == "POST":
        return {"got": request.json(), "who": request.params["who"]}
    return request.params["who"]

def slow(request):
    threading.Event().wait()

def fail(request):
    raise ValueError("a secret")

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Script", environ["SCRIPT_NAME"])])
    yield environ["PATH_INFO"].encode()
    yield b" " + environ["wsgi.input"].read()
"""

ROUTES = """  - {name: hello, match: {path: "/hello/{name}"}, function: "gateway.examples:hello"}
  - {name: echo, match: {path: "/echo/{who}"}, function: "served_functions:echo"}
  - {name: slow, match: {path: /slow}, function: {call: "served_functions:slow", timeout: 100ms}}
  - {name: fail, match: {path: /fail}, function: "served_functions:fail"}
  - {name: app, match: {path: "/app/{rest:path}"}, wsgi: "served_functions:app"}
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("functions")
    (folder / "served_functions.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        made = Gateway(folder, config({}, ROUTES)).start()
    yield made
    made.stop()
    assert made.output().count("Traceback") <= 2, made.output()


def test_the_example(gateway: Gateway) -> None:
    status, headers, body = ask(gateway, get("/hello/J%C3%BCrgen"))
    assert (status, body.decode()) == (200, "Hello, Jürgen!\n")
    assert headers["content-type"] == "text/plain; charset=utf-8"


def test_bodies_go_in_and_out(gateway: Gateway) -> None:
    status, headers, body = ask(gateway, get("/echo/ann", method="POST", body=b'{"a": 1}'))
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body) == {"got": {"a": 1}, "who": "ann"}
    assert problem(gateway, get("/echo/ann", method="POST", body=b"{"))[:2] == (400, "malformed-body")


def test_one_that_takes_long_and_one_that_fails(gateway: Gateway) -> None:
    assert problem(gateway, get("/slow"))[:2] == (504, "function-timeout")
    assert problem(gateway, get("/fail"))[:2] == (500, "function-failed")
    assert b"secret" not in ask(gateway, get("/fail"))[2]


def test_a_wsgi_application(gateway: Gateway) -> None:
    status, headers, body = ask(gateway, get("/app/a/b", method="POST", body=b"body"))
    assert (status, headers["x-script"], body) == (200, "/app", b"/a/b body")


def test_a_name_that_leads_nowhere_is_a_mistake_with_its_place(tmp_path: Path) -> None:
    text = 'version: 1\nroutes:\n  - {name: a, match: {path: /a}, function: "gateway.examples:hallo"}\n'
    (tmp_path / "gateway.yaml").write_text(text)
    result = CliRunner().invoke(main, ["check", "-c", str(tmp_path / "gateway.yaml")])
    assert result.exit_code == 1
    assert "gateway.yaml:3:44: routes[0].function: gateway.examples has no hallo" in result.output
