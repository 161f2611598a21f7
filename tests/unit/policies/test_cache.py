"""cache: a line with a cache in it, and a clock that is set."""

from __future__ import annotations

from typing import Any

import gevent
import pytest

from gateway.auth.caller import Caller
from gateway.cache import policy as cache
from gateway.cache.key import KeyRules
from gateway.cache.rules import CacheOptions
from gateway.cache.runtime import CacheRuntime
from gateway.errors import NOT_CACHED, UPSTREAM_REFUSED, GatewayError
from gateway.exchange import CACHE_BYPASS, CACHE_HIT, CACHE_MISS, CACHE_STALE, Exchange, Headers, Response
from gateway.state.store import Store
from tests.exchanges import exchange, route
from tests.support.greenlets import until
from tests.unit.identity.issuer_parts import Clock, FakeStore

START = 1_700_000_000.0
STALE = CacheOptions(ttl=30.0, stale_while_revalidate=30.0, stale_if_error=600.0)


class Line:
    """A route with a cache; `answer` is what the upstream says, `asked` what it was asked."""

    def __init__(self, rules: CacheOptions | None = None, *, key: KeyRules | None = None, store: Store | None = None,
                 max_size: int = 1000) -> None:  # fmt: skip
        self.now = START
        self.headers: Headers = []
        self.body: Any = b"one"
        self.length: int | None = None
        self.failure: Exception | None = None
        self.pause = 0.0
        self.asked: list[Headers] = []
        self.caching = CacheRuntime(store, clock=lambda: self.now)
        inner = route(fetch=self._upstream)
        self._fetch = cache.compile(
            rules or CacheOptions(ttl=30.0),
            key or KeyRules(),
            inner,
            self.caching,
            max_size=max_size,
            tags=["item-{id}"],
        )

    def _upstream(self, made: Exchange) -> Response:
        self.asked.append(list(made.headers if made.outgoing is None else made.outgoing))
        gevent.sleep(self.pause)
        if self.failure is not None:
            raise self.failure
        return Response(200, list(self.headers), self.body, self.length)

    def get(self, *headers: tuple[str, str], method: str = "GET", target: str = "/items/7", **known: Any) -> Response:
        made = exchange(method, target, list(headers), params={"id": "7"}, **known)
        made.environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers}
        made.deadline = 1e12
        self.last = made
        return self._fetch(made)


def said(response: Response) -> str:
    return dict(response.headers)["Cache-Status"]


def test_what_is_kept_is_sent_while_it_is_fresh() -> None:
    line = Line()
    assert said(line.get()) == "gateway; fwd=miss; stored"
    line.now += 12.5
    response = line.get()
    assert (response.status, response.body, said(response)) == (200, b"one", "gateway; hit; ttl=17")
    assert dict(response.headers)["Age"] == "12"
    line.now += 20.0
    line.body = b"two"
    assert line.get().body == b"two"
    assert len(line.asked) == 2


def test_what_a_client_changes_in_its_answer_stays_there() -> None:
    line = Line()
    line.get()
    line.get().headers.clear()
    assert said(line.get()).startswith("gateway; hit")


def test_an_outage_of_ten_minutes_is_bridged() -> None:
    line = Line(STALE)
    line.get()
    line.failure = GatewayError(UPSTREAM_REFUSED, "It is gone.")
    for seconds in range(0, 620, 10):
        line.now = START + seconds
        response = line.get()
        gevent.sleep(0)
        assert (response.status, response.body) == (200, b"one"), seconds
    line.now = START + 640
    assert line.get().status == 502
    line.failure, line.body = None, b"two"
    line.now += 5
    assert line.get().body == b"two"


def test_an_upstream_that_fails_is_left_alone_for_a_while() -> None:
    line = Line(CacheOptions(ttl=1.0, stale_if_error=600.0))
    line.get()
    line.failure = GatewayError(UPSTREAM_REFUSED, "It is gone.")
    line.now += 5
    assert said(line.get()) == "gateway; fwd=stale; fwd-status=502; ttl=-4; detail=upstream-failed"
    assert said(line.get()) == "gateway; hit; ttl=-4; detail=upstream-failed"
    assert len(line.asked) == 2


def test_each_request_is_marked_with_one_verdict() -> None:
    line = Line(CacheOptions(ttl=1.0, stale_while_revalidate=10.0, stale_if_error=600.0))

    def mark(*headers: tuple[str, str], **more: Any) -> int:
        line.get(*headers, **more)
        gevent.sleep(0)
        return line.last.marks

    assert [mark(), mark()] == [CACHE_MISS, CACHE_HIT]
    assert mark(("Cache-Control", "no-cache")) == CACHE_MISS
    assert mark(method="POST") == CACHE_BYPASS
    line.get()
    line.now += 5
    assert mark() == CACHE_STALE, "it is refreshed beside the request"
    line.failure = GatewayError(UPSTREAM_REFUSED, "It is gone.")
    line.now += 20
    assert [mark(), mark()] == [CACHE_STALE, CACHE_STALE]
    line.now += 1000
    assert mark() == CACHE_MISS


def test_many_at_once_are_one_for_the_upstream() -> None:
    line = Line()
    line.pause = 0.01
    answers = gevent.joinall([gevent.spawn(line.get) for _ in range(10_000)])
    assert {answer.value.body for answer in answers} == {b"one"}
    assert len(line.asked) == 1
    assert sum("collapsed" in said(answer.value) for answer in answers) > 0


def test_a_leader_that_fails_does_not_fail_the_others() -> None:
    line = Line()
    line.pause = 0.01
    line.failure = GatewayError(UPSTREAM_REFUSED, "It is gone.")
    greenlets = [gevent.spawn(line.get) for _ in range(50)]
    gevent.spawn_later(0.013, lambda: setattr(line, "failure", None))
    gevent.joinall(greenlets)
    statuses = [greenlet.value.status for greenlet in greenlets]
    assert statuses.count(200) >= 49 and len(line.asked) <= 3


def test_a_leader_that_is_killed_hands_on() -> None:
    line = Line()
    line.pause = 0.01
    first = gevent.spawn(line.get)
    gevent.sleep(0)
    second = gevent.spawn(line.get)
    gevent.sleep(0)
    first.kill()
    assert second.get(timeout=5).body == b"one"


def test_refreshing_is_done_once_and_nobody_waits() -> None:
    line = Line(STALE)
    line.get()
    line.now += 40
    line.body, line.pause = b"two", 0.01
    assert {line.get().body for _ in range(20)} == {b"one"}
    until(lambda: line.get().body == b"two")
    assert len(line.asked) == 2


def test_what_may_not_be_kept_does_not_queue() -> None:
    line = Line()
    line.headers, line.pause = [("Cache-Control", "private")], 0.01
    gevent.joinall([gevent.spawn(line.get) for _ in range(20)])
    assert len(line.asked) == 20
    assert said(line.get()) == "gateway; fwd=miss; detail=private"
    line.now += 10
    line.headers = []
    assert said(line.get()).endswith("stored")


def test_callers_are_kept_apart_unless_the_answer_is_public() -> None:
    line = Line(CacheOptions(ttl=30.0, partitioned=True))
    ann, bob = Caller("staff", "ann", {}), Caller("staff", "bob", {})
    line.get(caller=ann)
    line.body = b"two"
    assert line.get(caller=bob).body == b"two"
    assert line.get(caller=ann).body == b"one"
    line.headers = [("Cache-Control", "public, max-age=9")]
    line.get(target="/p", caller=ann)
    assert said(line.get(target="/p", caller=bob)).startswith("gateway; hit")
    assert said(line.get(caller=Caller("staff", "", {}))) == "gateway; fwd=bypass; detail=no-subject"


def test_what_cookies_have_made_is_not_kept_on_a_guess() -> None:
    line = Line()
    assert said(line.get(("Cookie", "user=ann"))) == "gateway; fwd=miss; detail=cookie"
    line.headers = [("Cache-Control", "max-age=9")]
    assert said(line.get(("Cookie", "user=ann"))) == "gateway; fwd=miss; stored"


def test_one_answer_for_each_coding_which_the_upstream_is_shown() -> None:
    line = Line(CacheOptions(ttl=30.0, coding=lambda field: "br" if field and "br" in field else ""))
    line.headers = [("Vary", "Accept-Encoding")]
    line.get(("Accept-Encoding", "gzip, br"))
    assert line.asked == [[("Accept-Encoding", "br")]]
    assert said(line.get(("Accept-Encoding", "br, deflate"))).startswith("gateway; hit")
    assert said(line.get()).endswith("stored")
    assert line.asked[-1] == [("Accept-Encoding", "identity")], "without one any would do"


def test_a_body_that_streams_is_kept_when_it_was_whole() -> None:
    line = Line()
    line.body, line.length = iter([b"on", b"e"]), None
    response = line.get()
    assert b"".join(response.body) == b"one"
    assert line.get().body == b"one"


def test_a_body_that_was_cut_is_not_kept() -> None:
    line = Line()
    line.body = iter([b"on", b"e"])
    response = line.get()
    next(iter(response.body))
    response.close()
    line.body = b"two"
    line.now += 10
    assert line.get().body == b"two"


def test_a_body_that_is_too_large_goes_by() -> None:
    line = Line(max_size=10)
    line.body = iter([b"x" * 8] * 5)
    assert b"".join(line.get().body) == b"x" * 40
    line.body, line.length = iter([b"x" * 8] * 5), 40
    line.now += 10
    response = line.get()
    assert said(response) == "gateway; fwd=miss; detail=too-large" and b"".join(response.body) == b"x" * 40


def test_events_are_not_read_before_they_are_sent() -> None:
    line = Line()
    line.headers, line.body = [("Content-Type", "text/event-stream; charset=utf-8")], iter([b"data: 1\n\n"])
    assert said(line.get()) == "gateway; fwd=miss; detail=stream"


def test_uploads_and_upgrades_pass_by() -> None:
    line = Line()
    line.get()
    assert said(line.get(body_length=5)) == "gateway; fwd=bypass"
    assert said(line.get(method="PUT")) == "gateway; fwd=method"
    assert said(line.get()).endswith("stored"), "the PUT has changed it"


def test_another_route_forgets_as_well() -> None:
    line = Line()
    line.get()
    hook = cache.forgetting(line.caching).on_response
    assert hook is not None
    hook(exchange("GET", "/items/7"), Response(200, []))
    assert said(line.get()).startswith("gateway; hit")
    hook(exchange("DELETE", "/items/7"), Response(204, []))
    assert said(line.get()).endswith("stored")


def test_who_takes_only_what_is_kept_is_told_so() -> None:
    line = Line()
    with pytest.raises(GatewayError) as caught:
        line.get(("Cache-Control", "only-if-cached"))
    assert caught.value.kind is NOT_CACHED and not line.asked
    assert dict(caught.value.headers)["Cache-Status"] == "gateway; detail=only-if-cached"


def test_a_fresh_answer_that_is_not_wanted_is_told_from_a_stale_one() -> None:
    line = Line()
    line.headers = [("ETag", '"a"')]
    line.get()
    assert said(line.get(("Cache-Control", "no-cache"))) == "gateway; fwd=request; stored"
    assert said(line.get(("Cache-Control", "no-cache"), method="HEAD")) == "gateway; fwd=request"
    line.now += 5
    line.failure = GatewayError(UPSTREAM_REFUSED, "It is gone.")
    assert said(line.get(("Cache-Control", "no-cache"))) == "gateway; fwd=request"
    told = said(line.get(("Cache-Control", "max-age=1")))
    assert told == "gateway; hit; ttl=25; detail=upstream-failed", "the upstream is left alone for a while"
    line.now += 40
    line.failure = None
    assert said(line.get(("Cache-Control", "no-cache"))) == "gateway; fwd=stale; stored"


def test_tags_come_from_the_request() -> None:
    line = Line()
    line.get()
    line.caching.purges.purge({"tag": ["item-8"]})
    assert said(line.get()).startswith("gateway; hit")
    line.caching.purges.purge({"tag": ["item-7"]})
    assert said(line.get()).endswith("stored")


def test_another_worker_finds_it_in_the_store() -> None:
    store = FakeStore(Clock())
    one, other = Line(STALE, store=store), Line(STALE, store=store)
    one.headers = [("Vary", "Accept-Language"), ("X-Name", "\u00fc")]
    one.get(("Accept-Language", "de"))
    response = other.get(("Accept-Language", "DE"))
    assert (response.body, other.asked) == (b"one", [])
    assert dict(response.headers)["X-Name"] == "\u00fc"
    assert said(other.get(("Accept-Language", "fr"))).endswith("stored")


def test_what_the_store_holds_is_not_believed_blindly() -> None:
    store = FakeStore(Clock())
    one, other = Line(store=store), Line(store=store)
    one.get()
    for key in list(store.scan(b"entry:")):
        store.set(key, b'{"v":1,"status":"x"}\nrubbish', 60.0)
    assert said(other.get()).endswith("stored")


def test_a_store_out_of_reach_makes_no_difference() -> None:
    store = FakeStore(Clock())
    line = Line(store=store)
    store.is_down = True
    assert said(line.get()).endswith("stored")
    assert said(line.get()).startswith("gateway; hit")
    line.caching.tick()
