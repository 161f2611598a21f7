"""The order of the walk: there, round and back."""

import pytest

from gateway.exchange import Response
from tests.exchanges import exchange, route, step
from tests.pipeline.conftest import Body, Line


def test_there_and_back(line: Line) -> None:
    asked = line.walk(line.step("a"), line.step("b"), line.step("c"))
    assert line.diary == [
        *("request a", "request b", "request c", "fetch", "response c", "response b", "response a"),
        *("close body", "close a", "close b", "close c"),
    ]
    assert (asked.response.status, asked.error) == (200, None)


def test_a_line_without_steps(line: Line) -> None:
    assert line.walk().response.status == 200
    assert line.diary == ["fetch", "close body"]


def test_a_hook_that_is_not_there_costs_nothing(line: Line) -> None:
    made = line.route(line.step("a", "close"), line.step("b", "request"), line.step("c", ""))
    assert [len(hooks) for hooks in (made.on_request, made.back[-1], made.on_close)] == [1, 0, 1]


@pytest.mark.parametrize("turning", ["a", "b", "c"])
def test_a_response_turns_the_walk_round(line: Line, turning: str) -> None:
    made = Response(304, [])
    steps = [line.step(name, request=made if name == turning else None) for name in "abc"]
    assert line.walk(*steps).response is made
    entered = "abc"[: "abc".index(turning) + 1]
    assert line.diary == [
        *(f"request {name}" for name in entered),
        *(f"response {name}" for name in reversed(entered)),
        *(f"close {name}" for name in "abc"),
    ]


def test_only_steps_before_the_turn_see_the_answer(line: Line) -> None:
    """Those that have no on_request count by where they stand."""
    only_back = [line.step(name, "response") for name in "xyz"]
    line.walk(only_back[0], line.step("a"), only_back[1], line.step("b", request=Response(200, [])), only_back[2])
    assert line.diary == [
        "request a",
        "request b",
        "response b",
        "response y",
        "response a",
        "response x",
        "close a",
        "close b",
    ]


def test_an_answer_is_changed_in_place_or_replaced(line: Line) -> None:
    def wrapped(exchange, response):
        return Response(203, response.headers, response.body)

    def marked(exchange, response):
        response.headers.append(("X-Status", str(response.status)))

    asked = line.walk(line.step("outer", response=marked), line.step("inner", response=wrapped))
    assert (asked.response.status, asked.response.headers) == (203, [("X-Status", "203")])
    assert line.diary.count("close body") == 1


def test_what_a_step_leaves_is_there_for_the_next(line: Line) -> None:
    def identify(exchange):
        exchange.state = {"client": "acme"}

    def answer(exchange):
        return Response(200, [], exchange.state["client"].encode())

    line.answers = answer
    assert line.walk(line.step("a", request=identify)).response.body == b"acme"


def test_two_requests_share_a_line_and_nothing_else(line: Line) -> None:
    steps = (line.step("a"), line.step("b"))
    one, other = line.walk(*steps), line.walk(*steps)
    assert one.response is not other.response
    half = len(line.diary) // 2
    assert line.diary[:half] == line.diary[half:]


def test_a_route_is_ready_when_it_is_made() -> None:
    made = route(steps=(step("a", on_request=lambda exchange: None),))
    with pytest.raises(AttributeError):
        made.on_request = ()
    assert all(isinstance(part, tuple) for part in (made.steps, made.on_request, made.back, made.on_close))
    assert exchange(route=made).route is made


def test_a_body_of_bytes_needs_no_close(line: Line) -> None:
    line.answers = lambda exchange: Response(200, [], b"x")
    assert line.walk().response.length == 1
    assert Response(200, [], Body([])).length is None
