"""Requests that become entries of a stream, in a real Redis."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.auth.caller import Caller
from gateway.config.document import loads
from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.handlers.queue.handler import Enqueue
from gateway.state.redis.address import parse
from gateway.state.redis.scripts import Scripts
from tests.exchanges import exchange
from tests.support.patient import patient
from tests.support.redis import RedisServer, redis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with patient(), redis(tmp_path_factory.mktemp("redis")) as made:
        yield made


@pytest.fixture
def scripts(server: RedisServer) -> Iterator[Scripts]:
    server.ask("FLUSHALL")
    made = Scripts(parse(f"redis://127.0.0.1:{server.port}"))
    yield made
    made.close()


def stream(scripts: Scripts | None, **rules: Any) -> Enqueue:
    rules = {"most": 3, "drops": False, "headers": (), "max_body": 100, **rules}
    return Enqueue("events", None if scripts is None else scripts.run, **rules)


def asking(body: bytes = b"{}", **known: Any) -> Exchange:
    headers = [("Content-Type", "text/x"), ("X-A", "1"), ("X-A", "2")]
    made = exchange("POST", "/v1/events/a%20b?q=1", headers, params={"id": "a%20b"}, **known)
    made.body, made.body_length = io.BytesIO(body), len(body)
    return made


def entries(scripts: Scripts) -> list[dict[str, str]]:
    """What is in the stream."""
    found = scripts._store._command("XRANGE", b"gw:stream:events", b"-", b"+")
    return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in found]


def test_an_entry_has_all_of_the_request(scripts: Scripts) -> None:
    made = asking(b"body", caller=Caller("staff", "ann", {"sub": "ann"}))
    response = stream(scripts, headers=("x-a", "x-none")).fetch(made)
    assert (response.status, isinstance(response.body, bytes)) == (202, True)
    assert "-" in json.loads(response.body)["id"]
    assert entries(scripts) == [
        {
            "id": made.request_id, "method": "POST", "path": "/v1/events/a%20b", "query": "q=1",
            "params": '{"id": "a%20b"}', "caller": "staff:ann", "content-type": "text/x",
            "header:x-a": "1, 2", "header:x-none": "", "body": "body",
        }
    ]  # fmt: skip


def test_an_entry_loses_no_letters(scripts: Scripts) -> None:
    made = asking(caller=Caller("staff", "Łukasz €", {"sub": "Łukasz €"}))
    made.path = "/v1/events/€"
    made.headers = [("X-A", "gr\u00c3\u00bcn")]  # UTF-8, as the gateway has bytes of headers
    stream(scripts, headers=("x-a",)).fetch(made)
    (entry,) = entries(scripts)
    assert (entry["path"], entry["caller"], entry["header:x-a"]) == ("/v1/events/€", "staff:Łukasz €", "grün")


def slug(made: Enqueue, given: Exchange) -> str:
    with pytest.raises(GatewayError) as caught:
        made.fetch(given)
    return caught.value.kind.slug


def test_a_stream_that_is_full_takes_no_more(scripts: Scripts) -> None:
    made = stream(scripts)
    for _ in range(3):
        made.fetch(asking())
    assert slug(made, asking()) == "stream-full" and len(entries(scripts)) == 3


def test_or_the_oldest_make_room(scripts: Scripts) -> None:
    made = stream(scripts, drops=True, most=100)
    for number in range(500):
        made.fetch(asking(b"%d" % number))
    found = [entry["body"] for entry in entries(scripts)]
    assert 100 <= len(found) < 300 and found[-1] == "499"


def test_bodies_are_bounded(scripts: Scripts) -> None:
    assert slug(stream(scripts), asking(b"x" * 101)) == "body-too-large"


def test_a_store_that_is_not_there(server: RedisServer, scripts: Scripts) -> None:
    assert slug(stream(None), asking()) == "store-unavailable"
    server.ask("SET", "gw:stream:events", "no stream")
    assert slug(stream(scripts), asking()) == "store-unavailable"
    dead = Scripts(parse("redis://127.0.0.1:1"))
    assert slug(stream(dead), asking()) == "store-unavailable"


HEAD = "version: 1\nSTOREroutes:\n  - {name: a, match: {path: /a}, enqueue: {MORE}}\n"


@pytest.mark.parametrize(
    ("store", "more", "expected"),
    [
        ("", "stream: events", "x.yaml:3:34: routes[0].enqueue: a stream needs a Redis (such as `store: redis://"),
        ("store: redis://a\n", "max_length: 5", "routes[0].enqueue.stream: is missing"),
        ("store: redis://a\n", "stream: a, max_length: 0", "expected a whole number from 1 to"),
        ("store: redis://a\n", "stream: a, overflow: drop", "expected `refuse` or `drop_oldest`"),
        ("store: redis://a\n", "stream: 'a b'", "expected a name of visible characters"),
        ("store: redis://a\n", "stream: a, maxlength: 5", "did you mean `max_length`?"),
    ],
)
def test_mistakes(store: str, more: str, expected: str) -> None:
    with pytest.raises(Exception, match=r"x\.yaml:") as caught:
        loads(HEAD.replace("STORE", store).replace("MORE", more), "x.yaml")
    assert expected in str(caught.value)
