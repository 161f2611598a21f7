"""Every row of rules.py against a real gateway with a real upstream behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.raw import Client, Upstream, echo
from tests.wire.client.rules import RULES, Rule

CONFIG = """
version: 1
server:
  {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 1, limits: {header_timeout: 3s, body_timeout: 3s}}
upstreams: {echo: {targets: ["%s"]}}
observability: {access_log: {format: json, to: access.log}}
routes:
  - {name: echo, match: {path: /echo}, upstream: echo}
  - {name: item, match: {path: "/item/{id}"}, upstream: echo}
  - {name: below, match: {path: "/item/{id}/b"}, upstream: echo}
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    made = Upstream(echo)
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("wire")
    made = Gateway(folder, CONFIG.replace("%s", upstream.url)).start()
    yield made
    made.stop()


def test_there_are_many_rules_and_each_stands_once() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names) >= 120
    assert all(rule.section.startswith("RFC ") for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.section}: {rule.name}")
def test_rule(rule: Rule, gateway: Gateway, upstream: Upstream) -> None:
    seen = {connection: len(connection.received) for connection in upstream.connections}
    client = Client(gateway.port).send(rule.sent)
    head_only = rule.sent.startswith(b"HEAD")
    if rule.closes:
        answer = client.rest()
    else:
        answer = client.until(b"\r\n\r\n")
        answer += b"" if head_only else _body(client, answer)
    final = answer
    while final.startswith(b"HTTP/1.1 1"):
        final = final.partition(b"\r\n\r\n")[2]
    assert final.startswith(b"HTTP/1.1 %d " % rule.status), answer
    told = b"".join(each.received[seen.get(each, 0) :] for each in upstream.connections)
    for part in rule.upstream:
        assert part in told, told
    for part in rule.absent:
        assert part not in told, told
    for part in rule.answer:
        assert part in answer
    if rule.status >= 400:
        assert b"application/problem+json" in answer and b'"type": "urn:gateway:error:' in answer
        assert b"X-Request-ID: " in answer
    if rule.closes:
        assert b"Connection: close" in final
    else:
        assert client.is_open()
    client.close()
    assert gateway.is_ready()


def _body(client: Client, head: bytes) -> bytes:
    length = head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
    if head.startswith(b"HTTP/1.1 100"):
        rest = client.until(b"\r\n\r\n")
        return rest + _body(client, rest)
    return client.exactly(int(length or 0))
