"""cache: answers that break off, leaders that leave, and what one client must not do to the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from gateway.cache import policy as cache
from gateway.cache import write as keeping
from gateway.cache.key import KeyRules
from gateway.cache.rules import CacheOptions
from gateway.errors import UPSTREAM_INCOMPLETE, UPSTREAM_TIMEOUT, GatewayError
from gateway.exchange import Exchange, Response
from gateway.state.store import Store
from gateway.upstream.balance.affinity import set_cookie, token
from tests.exchanges import route, step
from tests.unit.identity.issuer_parts import Clock, FakeStore
from tests.unit.policies.test_cache import START, Line, said

TAG = ("ETag", '"a"')


class Body:
    """A body of pieces; one that is an exception is raised."""

    def __init__(self, *pieces: Any) -> None:
        self._left = iter(pieces)
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self._left)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        self.closed += 1


def broken() -> Body:
    return Body(b"on", GatewayError(UPSTREAM_INCOMPLETE))


def test_a_body_that_breaks_off_while_it_is_read_is_given_back() -> None:
    line = Line()
    line.body, line.length = broken(), 3
    response = line.get()
    assert (response.status, line.last.error, said(response)) == (502, UPSTREAM_INCOMPLETE.slug, "gateway; fwd=miss")
    assert line.body.closed >= 1, "who counts the requests under way is told"


def test_and_what_is_kept_stands_in_for_it() -> None:
    line = Line(CacheOptions(ttl=1.0, stale_if_error=600.0))
    line.get()
    line.now += 5
    line.body, line.length = broken(), 3
    response = line.get()
    assert (response.body, line.last.error) == (b"one", None)
    assert said(response) == "gateway; fwd=stale; fwd-status=502; ttl=-4; detail=upstream-failed"


def test_a_leader_whose_client_leaves_in_the_middle_hands_on_to_one() -> None:
    line = Line()
    body = Body(b"on", b"e")
    line.body = body
    leader = line.get()
    assert next(iter(leader.body)) == b"on"
    line.body, line.pause = b"two", 0.01
    waiting = [gevent.spawn(line.get) for _ in range(50)]
    gevent.sleep(0)
    leader.close()
    gevent.joinall(waiting, timeout=5, raise_error=True)
    assert {each.value.body for each in waiting} == {b"two"} and len(line.asked) == 2


def test_a_leader_whose_client_is_slow_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PACE", 0.02)
    line = Line()
    line.body = Body(b"on", b"e")
    leader = line.get()
    pieces = iter(leader.body)
    assert next(pieces) == b"on"
    line.body = b"two"
    waiting = [gevent.spawn(line.get) for _ in range(50)]
    gevent.joinall(waiting, timeout=5, raise_error=True)
    assert {each.value.body for each in waiting} == {b"two"} and len(line.asked) == 2
    assert next(pieces) == b"e"
    leader.close()


def test_an_upstream_that_says_500_is_asked_by_one_after_the_other() -> None:
    class Failing(Line):
        def _upstream(self, made: Exchange) -> Response:
            status = 200 if self.asked else 503
            response = super()._upstream(made)
            response.status = status
            return response

    line = Failing()
    line.pause = 0.01
    waiting = [gevent.spawn(line.get) for _ in range(50)]
    gevent.joinall(waiting, timeout=5, raise_error=True)
    assert [each.value.status for each in waiting].count(200) >= 49 and len(line.asked) <= 3


def test_other_workers_wait_for_a_body_that_streams() -> None:
    store = FakeStore(Clock())
    one, other = Line(store=store), Line(store=store)
    one.body = Body(b"on", b"e")
    streaming = one.get()
    pieces = iter(streaming.body)
    assert next(pieces) == b"on"
    waiting = gevent.spawn(other.get)
    gevent.sleep(0.02)
    assert b"".join(pieces) == b"e"
    streaming.close()
    assert waiting.get(timeout=5).body == b"one" and not other.asked


def test_what_must_be_confirmed_each_time_is_not_given_to_who_came_while_it_was_asked_for() -> None:
    """RFC 9111 section 4: of requests that are made one, only those whom the answer may be given again."""

    class Ticking(Line):
        """Its clock goes on."""

        _now = START

        @property
        def now(self) -> float:
            self._now += 1e-6
            return self._now

        @now.setter
        def now(self, value: float) -> None:
            self._now = value

    line = Ticking()
    line.headers, line.pause = [TAG, ("Cache-Control", "no-cache")], 0.3  # all have come by then
    waiting = [gevent.spawn(line.get) for _ in range(100)]
    gevent.joinall(waiting, timeout=5, raise_error=True)
    assert len(line.asked) == 2, "all who came meanwhile share one that was asked for after they came"


class Confirming(Line):
    """An upstream that says 304 to who has it; `fields` are in that answer."""

    def __init__(self, rules: CacheOptions | None = None, store: Store | None = None) -> None:
        super().__init__(rules, store=store)
        self.headers = [TAG]
        self.fields: list[tuple[str, str]] = []
        self.other_tag = ""

    def _upstream(self, made: Exchange) -> Response:
        response = super()._upstream(made)
        if any(name == "If-None-Match" for name, _ in self.asked[-1]):
            tag = self.other_tag or '"a"'
            return Response(304, [("ETag", tag), *self.fields])
        return response


def test_a_request_that_must_not_be_kept_changes_nothing_for_others() -> None:
    line = Confirming(CacheOptions(ttl=1.0))
    line.get()
    line.now += 5
    assert line.get(("Cache-Control", "no-store")).body == b"one"
    assert "fwd=stale; fwd-status=304" in said(line.get())
    assert said(line.get()).startswith("gateway; hit")


def test_what_may_not_be_kept_any_more_is_not_given_when_the_upstream_fails() -> None:
    line = Confirming(CacheOptions(ttl=1.0, stale_if_error=600.0), FakeStore(Clock()))
    line.get()
    line.now += 5
    line.fields = [("Cache-Control", "private")]
    line.get()
    line.now += 10
    line.failure = GatewayError(UPSTREAM_TIMEOUT)
    assert line.get().status == 504


def test_a_client_without_patience_does_not_keep_others_from_the_upstream() -> None:
    line = Line(CacheOptions(ttl=1.0, stale_if_error=600.0))
    line.get()
    line.now += 5
    line.failure = GatewayError(UPSTREAM_TIMEOUT)
    assert "upstream-failed" in said(line.get(hurried=True))
    line.failure, line.body = None, b"two"
    assert line.get().body == b"two"


def test_the_steps_behind_the_cache_are_walked_anew_for_a_second_question() -> None:
    line = Confirming(CacheOptions(ttl=1.0))
    paths: list[str | None] = []

    def add(made: Exchange) -> None:
        made.upstream_path = f"{made.upstream_path or made.target}+"
        paths.append(made.upstream_path)

    inner = route(fetch=line._upstream, steps=(step("add", on_request=add),))
    line._fetch = cache.compile(CacheOptions(ttl=1.0), KeyRules(), inner, line.caching, max_size=1000, tags=[])
    line.get()
    line.now += 5
    line.other_tag = '"b"'
    assert line.get().body == b"one"
    assert paths == ["/items/7+"] * 3


def test_an_older_answer_of_the_store_replaces_no_newer_one() -> None:
    store = FakeStore(Clock())
    line = Line(CacheOptions(ttl=1.0, stale_if_error=10.0), store=store)
    line.get()
    store.is_down = True
    line.now += 5
    line.body = b"two"
    line.get()
    store.is_down = False
    line.now += 5
    line.failure = GatewayError(UPSTREAM_TIMEOUT)
    for _ in range(2):
        line.now += 2.5
        assert line.get().body == b"two"


def test_the_cookie_that_keeps_a_client_on_its_target_is_not_kept_for_others() -> None:
    def sticking(made: Exchange) -> Response:
        response = line._upstream(made)
        set_cookie(made, response, f"gw_{token('shop')}", token("shop", "a"))
        return response

    line = Line()
    inner = route(fetch=sticking)
    line._fetch = cache.compile(CacheOptions(ttl=30.0), KeyRules(), inner, line.caching, max_size=1000, tags=[])
    first = line.get()
    assert said(first).endswith("stored") and "Set-Cookie" in dict(first.headers)
    assert "Set-Cookie" not in dict(line.get().headers)
    line.headers = [("Set-Cookie", "gw_=1"), TAG]
    assert said(line.get(target="/items/8")).endswith("set-cookie"), "the upstream's own"


def test_a_host_that_is_no_host_makes_no_failure_of_a_change() -> None:
    line = Line()
    response = line.get(method="POST", authority="a.example:99999")
    assert response.status == 200 and said(response) == "gateway; fwd=method"


def test_what_the_memory_would_not_take_streams_by() -> None:
    line = Line(max_size=10_000_000)
    line.caching.memory.resize(100_000)
    line.body, line.length = Body(b"x" * 20_000, b"x" * 10_000), 30_000
    response = line.get()
    assert said(response) == "gateway; fwd=miss; detail=too-large" and response.body is line.body
