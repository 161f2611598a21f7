"""Attributes as Python reads and writes them."""

from typing import Any

from gateway.exchange import Exchange

INHERITED = "host authority scheme version peer client trusted request_id caller plan route params trace"


def another(exchange: Any, method: str, target: str, headers: Any, deadline: float) -> Exchange:
    made = Exchange(method, target, headers, {}, exchange.started)
    for name in INHERITED.split():
        setattr(made, name, getattr(exchange, name))
    made.path, _, made.query = target.partition("?")
    made.deadline = min(exchange.deadline, deadline)
    return made


def read(thing: object, name: str) -> object:
    return getattr(thing, name)


def write(thing: object, name: str, value: object) -> None:
    setattr(thing, name, value)
