"""A line with a fake upstream and a diary of everything that happened on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway import pipeline
from gateway.contracts import RoutePlan, Step
from gateway.exchange import Exchange, Response
from tests.exchanges import exchange, route, step


class Body:
    """A body that counts how often it was closed."""

    def __init__(self, diary: list[str], name: str = "body", error: BaseException | None = None) -> None:
        self.diary, self.name, self.error = diary, name, error

    def __iter__(self) -> Iterator[bytes]:
        yield b"hello"

    def close(self) -> None:
        self.diary.append(f"close {self.name}")
        if self.error is not None:
            raise self.error


class Line:
    """Steps that write down when they are called; `walk` takes a request from its first hook to its last byte."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.answers: Callable[[Exchange], Response] = lambda exchange: Response(200, [], Body(self.diary))

    def step(self, name: str, hooks: str = "request response close", **does: Any) -> Step:
        """A step with the hooks named; `does` says what one of them gives, or raises if it is an exception."""

        def hook(which: str) -> Callable[..., Any]:
            def called(exchange: Exchange, *response: Response) -> Any:
                self.diary.append(f"{which} {name}")
                outcome = does.get(which)
                if isinstance(outcome, BaseException):
                    raise outcome
                return outcome(exchange, *response) if callable(outcome) else outcome

            return called

        return step(name, **{f"on_{which}": hook(which) for which in hooks.split()})

    def fetch(self, exchange: Exchange) -> Response:
        self.diary.append("fetch")
        return self.answers(exchange)

    def route(self, *steps: Step) -> RoutePlan:
        return route("item", steps, self.fetch)

    def walk(self, *steps: Step, **known: Any) -> Exchange:
        asked = exchange(route=self.route(*steps), **known)
        assert pipeline.run(asked, asked.route) is asked.response
        pipeline.finish(asked)
        return asked


@pytest.fixture
def line() -> Line:
    return Line()
