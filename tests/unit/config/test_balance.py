"""How the choice of a target is written, and what it says then."""

from math import inf

import pytest

from gateway.config.document import loads
from gateway.upstream.balance.options import Balance


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("timeout: {}", Balance("p2c")),
        ("balance: p2c", Balance("p2c")),
        ("balance: round_robin", Balance("round_robin")),
        ("balance: random", Balance("random")),
        ("balance: least_requests", Balance("least_requests")),
        ("balance: {hash: ip}", Balance("hash", "ip")),
        ("balance: {hash: 'header:X-User'}", Balance("hash", "header", "X-User")),
        ("balance: {hash: cookie:session}", Balance("hash", "cookie", "session")),
        ("balance: {hash: 'query:user name'}", Balance("hash", "query", "user name")),
        ("balance: {hash: 'path:{id}'}", Balance("hash", "path", "id")),
        ("balance: {hash: path:id}", Balance("hash", "path", "id")),
        ("balance: {hash: ip, headroom: 25%}", Balance("hash", "ip", headroom=0.25)),
        ("balance: {hash: ip, headroom: 0%}", Balance("hash", "ip", headroom=0.0)),
        ("balance: {sticky: cookie}", Balance("sticky")),
        ("slow_start: 30s", Balance("p2c", slow_start=30.0)),
        ("balance: round_robin, slow_start: 500ms", Balance("round_robin", slow_start=0.5)),
        ("balance: {sticky: cookie}, slow_start: 1m", Balance("sticky", slow_start=60.0)),
    ],
)
def test_written(written, expected):
    document = loads(f"version: 1\nupstreams: {{a: {{targets: [http://h], {written}}}}}\n")
    assert document.upstreams[0].balance == expected


def test_from_a_reference():
    document = loads("version: 1\nupstreams: {a: {targets: [http://h], balance: '${env:B}'}}\n", env={"B": "random"})
    assert document.upstreams[0].balance == Balance("random")


def test_without_headroom_there_is_no_bound():
    assert Balance("hash", "ip").headroom == inf
