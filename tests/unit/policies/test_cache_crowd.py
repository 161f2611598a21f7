"""cache under a crowd: callers, workers and an upstream that change their minds, drawn by chance.

Whatever comes together: nobody is given what is another one's, or another field's; nobody waits for ever; nothing is
left behind.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import gevent
import pytest

from gateway.auth.caller import Caller
from gateway.cache import policy as cache
from gateway.cache.key import KeyRules, _named
from gateway.cache.rules import CacheOptions
from gateway.cache.runtime import CacheRuntime
from gateway.contracts import Fetch
from gateway.exchange import Exchange, Headers, Response
from tests.exchanges import exchange, route
from tests.unit.identity.issuer_parts import Clock, FakeStore
from tests.unit.policies.test_cache import START

CALLERS = (
    None,
    Caller("staff", "ann", {"org": 1}),
    Caller("staff", "bob", {"org": 1}),
    Caller("staff", "ann", {"org": 2}),
)
#: what clients write into the field that selects: also what looks like a caller's key
FIELDS = (None, "1", "2", *(_named(caller) for caller in CALLERS if caller is not None))
ASKED: tuple[Headers, ...] = (
    [], [], [], [("Cache-Control", "no-cache")], [("Cache-Control", "max-stale")], [("Range", "bytes=0-500")],
)  # fmt: skip


def name(caller: Caller | None) -> str:
    return "nobody" if caller is None else f"{caller.subject} of {caller.claims['org']}"


class World:
    """Two workers over one store, or none; `wrong` is what must not have happened."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = START
        self.answers = 0
        self.wrong: list[str] = []
        self.store = FakeStore(Clock())
        rules = CacheOptions(
            ttl=2.0,
            stale_while_revalidate=self.chance.choice((0.0, 3.0)),
            stale_if_error=self.chance.choice((0.0, 9.0)),
            partitioned=True,
        )
        self.cachings = [CacheRuntime(self.store if seed % 3 else None, clock=self.clock) for _ in range(2)]
        self.workers = [self.worker(rules, each) for each in self.cachings]

    def worker(self, rules: CacheOptions, caching: CacheRuntime) -> Fetch:
        inner, key = route(fetch=self.upstream), KeyRules(told=("org",))
        return cache.compile(rules, key, inner, caching, max_size=1000, tags=["x"])

    def clock(self) -> float:
        self.now += 1e-6
        return self.now

    def pause(self) -> None:
        gevent.sleep(self.chance.choice((0, 0, 0.0005, 0.001)))

    def upstream(self, made: Exchange) -> Response:
        """Says in the body whose it is, whether all may have it, and what it was chosen by."""
        self.pause()
        self.answers += 1
        asked = dict(made.headers if made.outgoing is None else made.outgoing)
        kind = self.chance.random()
        if kind < 0.15:
            return Response(503, [], b"down")
        if kind < 0.3 and "If-None-Match" in asked:
            return Response(304, [("ETag", asked["If-None-Match"])])
        is_public, is_chosen = self.chance.random() < 0.4, self.chance.random() < 0.4
        words = [word for word in ("private", "no-cache", "max-age=0", "max-age=5") if self.chance.random() < 0.15]
        headers = [("ETag", f'"{self.answers}"'), ("Cache-Control", ", ".join(["public"] * is_public + words))]
        headers += [("Vary", "X-A")] * is_chosen
        owner, field = "" if is_public else name(made.caller), asked.get("X-A") if is_chosen else "any"
        body = f"{owner}|{field}".encode()
        if made.method == "HEAD" or kind < 0.5:
            return Response(200, headers, b"" if made.method == "HEAD" else body, len(body))
        return Response(200, headers, self.pieces(body), len(body) if kind < 0.7 else None)

    def pieces(self, body: bytes) -> Iterator[bytes]:
        yield body[:2]
        self.pause()
        yield body[2:]

    def client(self) -> None:
        caller, field = self.chance.choice(CALLERS), self.chance.choice(FIELDS)
        headers = [*self.chance.choice(ASKED), *([] if field is None else [("X-A", field)])]
        method = self.chance.choice(("GET", "GET", "GET", "GET", "HEAD", "POST"))
        made = exchange(method, f"/{self.chance.choice('ab')}", headers, caller=caller)
        made.environ = {f"HTTP_{key.upper().replace('-', '_')}": value for key, value in headers}
        made.deadline = 1e12
        response = self.chance.choice(self.workers)(made)
        data = self.read(response)
        if method == "GET" and response.status in (200, 206) and data is not None:
            owner, _, chosen = data.decode().partition("|")
            if owner not in ("", name(caller)) or chosen not in ("any", str(field)):
                self.wrong.append(f"{name(caller)} with {field}: {data!r} {response.headers}")

    def read(self, response: Response) -> bytes | None:
        """The body; None where the client has left in the middle."""
        if isinstance(response.body, bytes):
            return response.body
        pieces = []
        for piece in response.body:
            pieces.append(piece)
            self.pause()
            if self.chance.random() < 0.1:
                response.close()
                return None
        response.close()
        return b"".join(pieces)


@pytest.mark.parametrize("seed", range(40))
def test_nobody_is_given_what_is_not_theirs_and_nothing_is_left(seed: int) -> None:
    world = World(seed)
    clients = []
    for _ in range(150):
        clients.append(gevent.spawn(world.client))
        if world.chance.random() < 0.5:
            world.pause()
        if world.chance.random() < 0.3:
            world.now += world.chance.choice((0.3, 1.0, 4.0))
        if world.chance.random() < 0.2:
            for each in world.cachings:
                each.tick()
    gevent.joinall(clients, timeout=30, raise_error=True)
    assert all(each.ready() for each in clients) and not world.wrong
    for each in world.cachings:
        while each.flights.refreshing:
            gevent.sleep(0.001)
        assert not each.flights._flights
    assert not list(world.store.scan(b"lock:"))
