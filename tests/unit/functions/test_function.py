"""Functions: what they are given, what may come back, and that their faults stay inside."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest

from gateway.auth.caller import Caller
from gateway.config.python_import import ImportingError, callable_of
from gateway.errors import GatewayError
from gateway.exchange import Exchange, Response
from gateway.functions import Answer, Request
from gateway.handlers.function.call_limits import CallLimits
from gateway.handlers.function.handler import Function
from tests.exchanges import exchange


def asked(method: str = "GET", target: str = "/", body: bytes = b"", **known: Any) -> Exchange:
    known.setdefault("started", __import__("time").monotonic())
    made = exchange(method, target, [("X-A", "1"), ("x-a", "2")], **known)
    made.body, made.body_length = io.BytesIO(body), len(body)
    return made


def fetch(function: Callable[[Request], Any], made: Exchange | None = None, timeout: float = 5.0) -> Response:
    return Function(function, CallLimits("test:function", timeout, 10), 1000).fetch(made or asked())


def test_what_it_is_given() -> None:
    made = asked("POST", "/items/a%20b?q=1&q=%C3%A9&r=", b'{"n": [1]}', params={"id": "a%20b"})
    seen: dict[str, Any] = {}

    def look(request: Request) -> None:
        seen.update(
            method=request.method, path=request.path, params=request.params, query=request.query,
            x=request.header("x-A"), json=request.json(), again=request.body(), client=request.client,
            caller=request.caller, claims=dict(request.claims), none=request.header("y"),
        )  # fmt: skip

    assert fetch(look, made).status == 204
    assert seen == {
        "method": "POST", "path": "/items/a%20b", "params": {"id": "a b"}, "query": {"q": ["1", "é"], "r": [""]},
        "x": "1, 2", "json": {"n": [1]}, "again": b'{"n": [1]}', "client": "192.0.2.1",
        "caller": None, "claims": {}, "none": None,
    }  # fmt: skip


def test_what_policies_decided_holds_for_it() -> None:
    made = asked(target="/a?x=1")
    made.upstream_path, made.outgoing = "/b?y=2", [("X-B", "3")]
    made.caller = Caller("staff", "ann", {"sub": "ann", "tenant": "acme"})

    def look(request: Request) -> list[Any]:
        return [request.path, request.query, request.headers, request.caller, request.claims["tenant"]]

    assert fetch(look, made).body == b'["/b", {"y": ["2"]}, [["X-B", "3"]], "ann", "acme"]'


@pytest.mark.parametrize(
    ("value", "status", "media_type", "body"),
    [
        ("hé", 200, "text/plain; charset=utf-8", "hé".encode()),
        (b"\x00", 200, "application/octet-stream", b"\x00"),
        ({"a": "é"}, 200, "application/json", '{"a": "é"}'.encode()),
        ([], 200, "application/json", b"[]"),
        (0, 200, "application/json", b"0"),
        (None, 204, None, b""),
        (Answer("x", 201, {"Content-Type": "text/html"}), 201, "text/html", b"x"),
        (Answer({"a": 1}, 404), 404, "application/json", b'{"a": 1}'),
        (Answer("dropped", 304), 304, None, b""),
    ],
)
def test_what_may_come_back(value: Any, status: int, media_type: str | None, body: bytes) -> None:
    response = fetch(lambda request: value)
    assert (response.status, dict(response.headers).get("Content-Type"), response.body) == (status, media_type, body)


def test_an_iterator_streams_and_is_closed() -> None:
    ended = []

    def pieces(request: Request) -> Iterator[str]:
        try:
            yield from ("a", "", "b")
        finally:
            ended.append(True)

    response = fetch(pieces)
    assert next(iter(response.body)) == b"a"
    response.close()
    assert ended == [True]


@pytest.mark.parametrize(
    "value",
    [
        object(), float("nan"), Answer("x", 99), Answer("x", 600), Answer("x", True),
        Answer("x", headers={"X": "a\r\nSet-Cookie: b"}), Answer("x", headers={"a b": "c"}),
        Answer("x", headers={"X": "☃"}),
    ],
)  # fmt: skip
def test_what_is_no_answer(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(GatewayError) as caught:
        fetch(lambda request: value)
    assert caught.value.kind.slug == "function-failed"
    assert "test:function failed in request" in caplog.text


def test_fields_of_a_connection_are_left_out() -> None:
    answer = Answer("x", headers=[("Connection", "close"), ("Content-Length", "9"), ("A", "1"), ("A", "2")])
    assert fetch(lambda request: answer).headers[:2] == [("A", "1"), ("A", "2")]


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(3), gevent.Timeout(99)])
def test_its_faults_stay_inside(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: Request) -> None:
        raise error

    with caplog.at_level(logging.ERROR), pytest.raises(GatewayError) as caught:
        fetch(fail)
    assert caught.value.kind.status == 500 and "secret" not in str(caught.value.detail)
    assert "Traceback" in caplog.text


def test_what_the_body_is_refused_for_goes_out_as_it_is() -> None:
    with pytest.raises(GatewayError) as caught:
        fetch(lambda request: request.json(), asked("POST", body=b"{"))
    assert caught.value.kind.slug == "malformed-body"
    with pytest.raises(GatewayError) as caught:
        fetch(lambda request: request.body(), asked("POST", body=b"x" * 1001))
    assert caught.value.kind.slug == "body-too-large"


def test_it_has_a_time() -> None:
    with pytest.raises(GatewayError) as caught:
        fetch(lambda request: gevent.sleep(60), timeout=0.01)
    assert caught.value.kind.slug == "function-timeout"


def test_the_time_of_the_exchange_bounds_it_too() -> None:
    made = asked()
    made.deadline = made.started + 0.01
    with pytest.raises(GatewayError) as caught:
        fetch(lambda request: gevent.sleep(60), made)
    assert caught.value.kind.slug == "function-timeout"


def test_more_than_so_many_at_a_time_are_refused() -> None:
    go = gevent.event.Event()
    function = Function(lambda request: go.wait(), CallLimits("test:function", 5.0, 2), 1000)
    waiting = [gevent.spawn(function.fetch, asked()) for _ in range(2)]
    gevent.sleep(0)
    with pytest.raises(GatewayError) as caught:
        function.fetch(asked())
    assert caught.value.kind.slug == "function-busy"
    assert ("Retry-After", "1") in caught.value.headers
    go.set()
    gevent.joinall(waiting)
    assert function.fetch(asked()).status == 200


def test_what_streams_is_at_work_until_it_is_closed() -> None:
    function = Function(lambda request: iter(("a", "b")), CallLimits("test:function", 5.0, 1), 1000)
    response = function.fetch(asked())
    with pytest.raises(GatewayError) as caught:
        function.fetch(asked())
    assert caught.value.kind.slug == "function-busy"
    assert b"".join(response.body) == b"ab"
    response.close()
    response.close()
    function.fetch(asked()).close()


def test_what_fails_before_its_first_piece_is_an_error() -> None:
    def pieces(request: Request) -> Iterator[Any]:
        yield request.json()["a"]

    with pytest.raises(GatewayError) as caught:
        fetch(pieces, asked("POST", body=b"{"))
    assert caught.value.kind.slug == "malformed-body"
    with pytest.raises(GatewayError) as caught:
        fetch(pieces, asked("POST", body=b'{"a": 7}'))
    assert caught.value.kind.slug == "function-failed", "a number is no piece"
    with pytest.raises(GatewayError) as caught:
        fetch(lambda request: map(gevent.sleep, (60,)), timeout=0.01)
    assert caught.value.kind.slug == "function-timeout"


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(3), gevent.Timeout(99)])
def test_what_fails_later_is_logged_and_cut(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def pieces(request: Request) -> Iterator[str]:
        yield "a"
        raise error

    response = fetch(pieces)
    with caplog.at_level(logging.ERROR), pytest.raises(GatewayError) as caught:
        b"".join(response.body)
    response.close()
    assert caught.value.kind.slug == "function-failed" and "secret" not in str(caught.value.detail)
    assert "Traceback" in caplog.text


ON_THE_PATH = "install it, or put the folder that holds it on PYTHONPATH"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("no_such_module:x", "no_such_module cannot be imported: ModuleNotFoundError", ON_THE_PATH),
        (
            "lacking_on_purpose:x",
            "lacking_on_purpose cannot be imported: ModuleNotFoundError: No module named 'nowh",
            "",
        ),
        ("torn_on_purpose:x", "torn_on_purpose cannot be imported: SyntaxError: ", ""),
        ("ending_on_purpose:x", "ending_on_purpose cannot be imported: SystemExit: 3 (", ""),
        ("gateway.examples:hallo", "gateway.examples has no hallo", "did you mean `hello`?"),
        ("gateway.examples:__doc__", "gateway.examples:__doc__ is no callable but str", ""),
        ("broken_on_purpose:x", "broken_on_purpose cannot be imported: ZeroDivisionError: division by zero (", ""),
    ],
)
def test_names_that_lead_nowhere(
    name: str, message: str, hint: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_on_purpose.py").write_text("x = 1 / 0\n")
    (tmp_path / "lacking_on_purpose.py").write_text("import nowhere_at_all\n")
    (tmp_path / "torn_on_purpose.py").write_text("def x(:\n")
    (tmp_path / "ending_on_purpose.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportingError) as caught:
        callable_of(name)
    assert str(caught.value).startswith(message) and caught.value.hint == hint
    assert "broken_on_purpose" not in sys.modules


def test_a_name_in_a_class() -> None:
    assert callable_of("gateway.functions:Answer.__init__") is Answer.__init__
