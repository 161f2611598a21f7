"""Every rule of rules.py that need not wait, over sockets: a real gateway between a client and an upstream of bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.gateway import Gateway, wait_until
from tests.support.raw import Client, Connection, Upstream
from tests.support.through import get, serving
from tests.wire.cache.rules import ROUTES, RULES
from tests.wire.cache.steps import REFRESHED, Got, Reply, Rule, Step, check, dated, replied

CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 1}
upstreams: {origin: {targets: ["%s"]}}
routes:
"""
ROUTE = '  - {name: %s, match: {path: "/%s/{rest:path}"}, upstream: origin, cache: %s}\n'
NUMBERS = count()


class Origin:
    """Answers as the step says that is tried, and keeps what it was asked."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        self.path = ""
        self.now = 0.0
        self.asked: list[dict[str, str]] = []
        self.upstream = Upstream(self._play)

    def _play(self, connection: Connection) -> None:
        while True:
            head, _ = connection.request()
            line, *rest = head.decode("latin-1").split("\r\n")
            fields = (each.partition(":") for each in rest if each)
            seen = {name.lower(): value.strip() for name, _, value in fields}
            self.asked.append(seen)
            connection.send(self._answer(line.split(" ")[0], seen))

    def _answer(self, method: str, seen: dict[str, str]) -> bytes:
        status, fields, body = replied(self.reply, bool({"if-none-match", "if-modified-since"} & seen.keys()), self.now)
        lines = [f"{name}: {value.replace('{path}', self.path)}" for name, value in fields]
        if status == 304 or method == "HEAD":
            body = b""
        elif status != 204:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([f"HTTP/1.1 {status} Said", *lines, "", ""]).encode("latin-1") + body


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    made = Origin()
    yield made
    made.upstream.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, origin: Origin) -> Iterator[Client]:
    text = CONFIG % origin.upstream.url + "".join(ROUTE % (name, name, cache) for name, cache in ROUTES.items())
    with serving(tmp_path_factory.mktemp("cache"), text) as gateway:
        made = _client(gateway)
        yield made
        made.close()


def _client(gateway: Gateway) -> Client:
    return Client(gateway.port)


def ask(client: Client, method: str, path: str, *lines: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """(status, fields, body) of one request on the connection that all of them share."""
    client.send(get(path, *lines, method=method))
    head, *rest = client.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
    status = int(head.split(" ")[1])
    fields = [(name.lower(), value.strip()) for name, _, value in (each.partition(":") for each in rest if each)]
    size = 0 if method == "HEAD" or status in (204, 304) else int(dict(fields)["content-length"])
    return status, fields, client.exactly(size)


def play(client: Client, origin: Origin, path: str, step: Step) -> Got:
    origin.reply, origin.asked = step.reply, []
    lines = [dated(line, origin.now) for line in step.ask]
    answer = ask(client, step.method, path + step.more, *lines)
    if step.expect == REFRESHED:
        wait_until(lambda: origin.asked, "it is fetched again behind the answer")
    return Got(*answer, origin.asked)


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if not rule.waits], ids=lambda rule: f"{rule.section}: {rule.name}"
)
def test_rule(rule: Rule, client: Client, origin: Origin) -> None:
    path = origin.path = f"/{rule.kind}/{next(NUMBERS)}"
    origin.now = time.time()
    first = rule.steps[0].reply
    for step, after in zip(rule.steps, [*rule.steps[1:], None], strict=True):
        check(step, play(client, origin, path, step), first.body if first else b"", origin.now)
        if step.expect == REFRESHED and after is not None:
            wait_until(lambda: _age(client, path) < 100, "what was fetched again is stored")


def _age(client: Client, path: str) -> int:
    _, fields, _ = ask(client, "GET", path, "Cache-Control: only-if-cached")
    return int(dict(fields)["age"])
