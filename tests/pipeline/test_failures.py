"""Errors walk back like any answer; whoever raises, every step is closed once and nothing is leaked."""

import json

import pytest
from greenlet import GreenletExit

from gateway import pipeline
from gateway.errors import INTERNAL, METHOD_NOT_ALLOWED, ROUTE_NOT_FOUND, UPSTREAM_RESET, GatewayError
from gateway.exchange import Response
from tests.exchanges import exchange
from tests.pipeline.conftest import Body, Line

RESET = GatewayError(UPSTREAM_RESET)


def raising(error: BaseException):
    def fetch(exchange):
        raise error

    return fetch


def test_an_upstream_that_fails(line: Line) -> None:
    line.answers = raising(RESET)
    asked = line.walk(line.step("a"), line.step("b"))
    assert line.diary == ["request a", "request b", "fetch", "response b", "response a", "close a", "close b"]
    assert (asked.response.status, asked.error) == (502, "upstream-reset")


def test_a_step_that_refuses(line: Line) -> None:
    """Its own answer and those before it see the error; the upstream is not asked."""
    asked = line.walk(line.step("a"), line.step("b", request=GatewayError(ROUTE_NOT_FOUND)), line.step("c"))
    assert line.diary == ["request a", "request b", "response b", "response a", "close a", "close b", "close c"]
    assert (asked.response.status, asked.error) == (404, "route-not-found")


def test_an_error_answer_is_an_answer(line: Line) -> None:
    def mark(exchange, response):
        response.headers.append(("X-Content-Type-Options", "nosniff"))

    line.answers = raising(GatewayError(METHOD_NOT_ALLOWED, headers=(("Allow", "GET"),)))
    asked = line.walk(line.step("headers", "response", response=mark))
    assert asked.response.status == 405
    assert {("Allow", "GET"), ("X-Content-Type-Options", "nosniff")} <= set(asked.response.headers)


def test_an_error_may_be_answered_with_something_better(line: Line) -> None:
    stale = Response(200, [("Age", "100")])
    line.answers = raising(RESET)
    asked = line.walk(line.step("cache", response=stale))
    assert asked.response is stale
    assert asked.error == "upstream-reset"


@pytest.mark.parametrize("where", ["request", "response", "fetch"])
def test_what_is_not_a_gateway_error_is_our_own_fault(line: Line, where: str, caplog: pytest.LogCaptureFixture) -> None:
    error = KeyError("secret")
    if where == "fetch":
        line.answers = raising(error)
    asked = line.walk(line.step("a"), line.step("b", **{where: error}), line.step("c"))
    problem = json.loads(asked.response.body)
    assert problem["type"] == INTERNAL.type
    assert "secret" not in str(problem)
    assert asked.error == "internal"
    [record] = caplog.records
    assert asked.request_id in record.message
    assert record.exc_info[1] is error
    assert line.diary[-3:] == ["close a", "close b", "close c"]


def test_an_answer_that_a_step_fails_on_is_given_back_and_the_walk_goes_on(line: Line) -> None:
    asked = line.walk(line.step("a"), line.step("b", response=RESET), line.step("c"))
    assert line.diary == [
        *("request a", "request b", "request c", "fetch", "response c", "response b", "close body", "response a"),
        *("close a", "close b", "close c"),
    ]
    assert asked.error == "upstream-reset"


def test_every_answer_may_fail(line: Line) -> None:
    asked = line.walk(line.step("a", response=GatewayError(ROUTE_NOT_FOUND)), line.step("b", response=RESET))
    assert asked.error == "route-not-found"
    assert line.diary.count("close body") == 1


def test_a_body_that_cannot_be_closed(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.answers = lambda exchange: Response(200, [], Body(line.diary, error=OSError("gone")))
    asked = line.walk(line.step("a", response=RESET), line.step("b"))
    assert asked.response.status == 502
    line.answers = lambda exchange: Response(200, [], Body(line.diary, error=OSError("gone")))
    line.walk(line.step("a"), line.step("b"))
    assert line.diary[-3:] == ["close body", "close a", "close b"]
    assert [record.message.split(" request")[0] for record in caplog.records] == ["closing the answer to"] * 2


def test_closing_one_step_does_not_keep_the_next_from_it(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.walk(line.step("a", close=ValueError("x")), line.step("b"))
    assert line.diary[-2:] == ["close a", "close b"]
    assert [record.exc_info[1].args for record in caplog.records] == [("x",)]


@pytest.mark.parametrize("where", ["request", "response", "fetch", "close"])
def test_the_end_of_a_greenlet_is_not_answered(line: Line, where: str) -> None:
    if where == "fetch":
        line.answers = raising(GreenletExit())
    with pytest.raises(GreenletExit):
        line.walk(line.step("a", **{where: GreenletExit()}))


def test_a_greenlet_that_ends_on_the_way_back_leaks_no_answer(line: Line) -> None:
    asked = exchange(route=line.route(line.step("a", response=GreenletExit())))
    with pytest.raises(GreenletExit):
        pipeline.run(asked, asked.route)
    pipeline.finish(asked)
    assert line.diary[-2:] == ["close body", "close a"]


def test_what_was_never_answered_can_be_closed(line: Line) -> None:
    asked = exchange(route=line.route(line.step("a")))
    pipeline.finish(asked)
    assert line.diary == ["close a"]
