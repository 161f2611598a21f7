"""Many aggregates at once, of which parts fail, clients leave and times end: each gets its own, and nothing is left."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator

import gevent
import pytest

from gateway.config.document import loads
from gateway.errors import UPSTREAM_REFUSED, GatewayError
from gateway.exchange import Exchange, Response
from gateway.handlers.aggregate.compile import aggregating
from gateway.upstream.compile import CompiledUpstream
from gateway.upstream.greenlets import GreenletPool
from tests.exchanges import exchange
from tests.support.greenlets import until

TEXT = """version: 1
upstreams: {a: {targets: ['http://127.0.0.1:1']}}
routes:
  - name: page
    match: {path: "/pages/{id}"}
    aggregate:
      parts:
        one: {upstream: a, path: "/one/{id}", required: true}
        two: {upstream: a, path: "/two/{one.x}", default: {d: 1}}
        three: {upstream: a, path: "/three/{id}"}
        four: {upstream: a, path: "/four/{three.x}"}
"""
#: seconds that nobody is made to wait for what takes some milliseconds
LONG = 10.0


class Crowd:
    """`open` counts the bodies that nobody closed, `late` who waited for too long, `wrong` who got another one's."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.hands = GreenletPool()
        self.open = self.late = self.wrong = 0
        spec = loads(TEXT, "x.yaml").routes[0].aggregate
        found = aggregating(spec, {"a": CompiledUpstream(self.upstream, 60.0)}, self.hands) if spec else None
        assert found is not None
        self.fetch = found[0].fetch

    def upstream(self, made: Exchange) -> Response:
        for _ in range(self.chance.randrange(3)):
            gevent.sleep(self.chance.choice((0, 0, 0.0003)))
        if self.chance.random() < 0.12:
            raise GatewayError(UPSTREAM_REFUSED)
        return Response(200, [], Body(self, json.dumps({"x": "y", "path": made.path}).encode()))

    def client(self, number: int) -> None:
        made = exchange("GET", f"/pages/{number}", started=time.monotonic(), params={"id": str(number)}, plan=None)
        made.deadline = made.started + self.chance.choice((0.0005, 60.0, 60.0, 60.0))
        try:
            response = self.fetch(made)
        except GatewayError:
            pass  # a part that is required failed, or the time was up
        else:
            assert isinstance(response.body, bytes)
            self.wrong += json.loads(response.body)["one"]["path"] != f"/one/{number}"
        self.late += time.monotonic() - made.started > LONG


class Body:
    def __init__(self, crowd: Crowd, data: bytes) -> None:
        self._crowd = crowd
        self._left = iter((data[:2], data[2:]))
        self._is_open = True
        crowd.open += 1

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._crowd.chance.random() < 0.3:
            gevent.sleep(0)
        return next(self._left)

    def close(self) -> None:
        self._crowd.open -= self._is_open
        self._is_open = False


@pytest.mark.parametrize("seed", range(10))
def test_each_gets_its_own_in_time_and_nothing_is_left(seed: int) -> None:
    crowd = Crowd(seed)
    clients = []
    for number in range(150):
        clients.append(gevent.spawn(crowd.client, number))
        if crowd.chance.random() < 0.08:
            gevent.spawn_later(0.001, clients[-1].kill)
        if crowd.chance.random() < 0.4:
            gevent.sleep(0)
        if crowd.chance.random() < 0.05:
            time.sleep(0.006)  # a loop that is held up looks at sockets between its callbacks
    gevent.joinall(clients, timeout=LONG, raise_error=True)
    assert all(each.ready() for each in clients) and (crowd.late, crowd.wrong) == (0, 0)
    until(lambda: crowd.open == 0)
    assert not any(hand._greenlet.dead for hand in crowd.hands._idle)
