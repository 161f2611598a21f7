"""The client's JSON body, for what is made of it: read once, and only where something asks for it."""

from __future__ import annotations

from typing import Any, Final

from gateway.errors import MISSING_BODY, GatewayError
from gateway.exchange import Exchange
from gateway.http import json_template as expressions
from gateway.http.body import read_whole
from gateway.http.json_reader import JsonReader
from gateway.http.json_render import Fill
from gateway.http.template import Getter, claim_text

#: the room in `exchange.state` for what was read
JSON_BODY: Final = "json-body"
#: bytes, and what validation takes where nothing else is written
BODY_MAX: Final = 1 << 20
_READER: Final = JsonReader(32, 10_000)


def json_body(exchange: Exchange) -> Any:
    """The body as JSON, None where there is none. Raises GatewayError (400, 413, 422)."""
    state = exchange.state
    if state is None:
        state = exchange.state = {}
    if JSON_BODY not in state:
        data = read_whole(exchange, BODY_MAX)
        state[JSON_BODY] = _READER.read(data) if data else None
    return state[JSON_BODY]


def value(name: str) -> Fill:
    """Variables such as {body.amount}: what the body has at a path of names; None where it has nothing."""
    find = expressions.compile(name)

    def get(exchange: Exchange) -> Any:
        body = json_body(exchange)
        if body is None:
            raise GatewayError(MISSING_BODY, "The route needs a body of JSON.")
        return find(body)

    return get


def text(name: str) -> Getter:
    """The same as a text."""
    get = value(name)
    return lambda exchange: claim_text(get(exchange))
