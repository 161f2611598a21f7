"""activate: who waits, in which order they go, and what ends the waiting."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from typing import Any

import gevent
import gevent.event
import pytest

from gateway.errors import CIRCUIT_OPEN, UPSTREAM_READ_TIMEOUT, UPSTREAM_REFUSED, GatewayError
from gateway.exchange import Exchange, Response
from gateway.upstream import activation as activate
from gateway.upstream.activation import AT_ONCE, Activator, is_open
from gateway.upstream.activation_hook import ActivationHook
from gateway.upstream.pool.pool import Address
from tests.exchanges import exchange
from tests.support.greenlets import until
from tests.support.ports import free_port


class Place:
    """An upstream that begins to answer once its port is open."""

    def __init__(self, **rules: Any) -> None:
        self.address = Address("http", "127.0.0.1", free_port())
        self.is_there = False
        self.asked: list[str] = []
        self.woken = self.tries = 0
        self.listener: socket.socket | None = None
        self.activator = Activator(
            "shop", self.fetch, lambda: [self.address], self.wake, **{"hold": 60.0, "most": 5000, **rules}
        )

    def open(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.address.port))
        self.is_there = True

    @property
    def waiting(self) -> int:
        return len(self.activator._waiting)

    def wake(self) -> None:
        self.woken += 1

    def fetch(self, made: Exchange) -> Response:
        self.tries += 1
        data = made.body.read() if made.body is not None else b""
        if not self.is_there:
            raise GatewayError(UPSTREAM_REFUSED)
        self.asked.append(made.target)
        gevent.sleep(0)
        return Response(200, [], data)

    def ask(self, target: str = "/", body: bytes = b"") -> Response:
        made = exchange("POST", target, started=time.monotonic())
        if body:
            made.body, made.body_length = io.BytesIO(body), len(body)
        return self.activator.fetch(made)


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    if made.listener is not None:
        made.listener.close()


def test_who_finds_it_running_does_not_wait(place: Place) -> None:
    place.open()
    assert place.ask(body=b"x").body == b"x" and place.woken == 0


def test_all_who_wait_are_answered_in_their_order_and_it_is_woken_once(place: Place) -> None:
    waiting = [gevent.spawn(place.ask, f"/{number}", b"body") for number in range(1000)]
    until(lambda: place.waiting == 1000 and place.woken)
    assert place.asked == [] and place.woken == 1
    place.open()
    gevent.joinall(waiting, timeout=30)
    assert [each.value.body for each in waiting] == [b"body"] * 1000
    assert place.asked == [f"/{number}" for number in range(1000)]


def test_no_more_than_so_many_are_let_go_at_once(place: Place) -> None:
    at_work: list[int] = [0, 0]

    def slow(made: Exchange) -> Response:
        if not place.is_there:
            raise GatewayError(UPSTREAM_REFUSED)
        at_work[0] += 1
        at_work[1] = max(at_work)
        gevent.sleep(0.001)
        at_work[0] -= 1
        return Response(200, [])

    place.activator._fetch = slow
    waiting = [gevent.spawn(place.ask) for _ in range(300)]
    until(lambda: place.waiting == 300)
    place.open()
    gevent.joinall(waiting, timeout=30, raise_error=True)
    assert at_work[1] <= AT_ONCE


def slug(place: Place, **known: Any) -> str:
    with pytest.raises(GatewayError) as caught:
        made = exchange(started=time.monotonic())
        for name, value in known.items():
            setattr(made, name, value)
        place.activator.fetch(made)
    return caught.value.kind.slug


def test_who_comes_another_way_waits_in_the_same_line(place: Place) -> None:
    seen: list[str] = []

    def fetch(made: Exchange) -> Response:
        place.fetch(made)
        seen.append(made.target)
        return Response(204, [])

    other = place.activator.before(fetch)
    waiting = [gevent.spawn(place.ask, "/0"), gevent.spawn(other, exchange("GET", "/1", started=time.monotonic()))]
    until(lambda: place.waiting == 2)
    assert place.woken == 1
    place.open()
    assert [each.get(timeout=30).status for each in waiting] == [200, 204]
    assert (place.asked, seen) == (["/0", "/1"], ["/1"])


def test_the_queue_is_full() -> None:
    place = Place(most=2)
    waiting = [gevent.spawn(place.ask) for _ in range(2)]
    until(lambda: place.waiting == 2)
    assert slug(place) == "activation-full"
    place.open()
    gevent.joinall(waiting, timeout=30, raise_error=True)
    assert place.ask().status == 200
    assert place.listener is not None
    place.listener.close()


def test_the_time_is_up() -> None:
    place = Place(hold=0.05)
    assert slug(place) == "activation-timeout"
    assert slug(Place(), deadline=time.monotonic() + 0.05) == "activation-timeout"


def test_a_client_that_leaves_makes_room() -> None:
    class Channel:
        gone = True

    place = Place(most=1)
    assert slug(place, environ={"gateway.channel": Channel()}) == "client-closed"
    assert slug(place, environ={"gateway.channel": Channel()}) == "client-closed"


def test_other_failures_are_what_they_are(place: Place) -> None:
    def fails(made: Exchange) -> Response:
        raise GatewayError(UPSTREAM_READ_TIMEOUT)

    place.activator._fetch = fails
    assert slug(place) == "upstream-read-timeout" and place.woken == 0


def test_a_circuit_that_is_open_while_it_runs_is_no_reason_to_wait(place: Place) -> None:
    def fails(made: Exchange) -> Response:
        raise GatewayError(CIRCUIT_OPEN)

    place.activator._fetch = fails
    assert slug(place) == "circuit-open"


def test_one_that_was_let_go_too_early_waits_on(place: Place) -> None:
    tries: list[int] = []

    def late(made: Exchange) -> Response:
        tries.append(1)
        if len(tries) < 4:
            raise GatewayError(UPSTREAM_REFUSED)
        return Response(200, [])

    place.activator._fetch = late
    place.open()
    assert place.ask().status == 200 and len(tries) == 4


def test_a_body_that_was_read_in_vain_is_read_again(place: Place) -> None:
    """Also that of a request that came while others were waiting."""
    first = gevent.spawn(place.ask)
    until(lambda: place.waiting == 1)
    place.listener = socket.create_server(("127.0.0.1", place.address.port))
    second = gevent.spawn(place.ask, "/2", b"body")
    until(lambda: place.tries > 3)
    place.is_there = True
    assert (first.get(timeout=5).body, second.get(timeout=5).body) == (b"", b"body")


def test_a_hook_that_was_called_in_vain_is_called_again(place: Place) -> None:
    place.activator._hold = 0.05
    waiting = [gevent.spawn(slug, place)]
    for _ in range(8):  # somebody waits all the time
        gevent.sleep(0.02)
        waiting.append(gevent.spawn(slug, place))
    gevent.joinall(waiting, timeout=30, raise_error=True)
    assert place.woken >= 2


def test_a_target_that_says_nothing_does_not_hold_up_another(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    silent, never = Address("http", "192.0.2.1", 80), gevent.event.Event()
    monkeypatch.setattr(activate, "is_open", lambda address: never.wait(60) if address is silent else is_open(address))
    place.activator._addresses = lambda: [silent, place.address]
    waiting = gevent.spawn(place.ask)
    until(lambda: place.waiting == 1)
    place.open()
    assert waiting.get(timeout=5).status == 200
    never.set()


def test_a_name_that_cannot_be_one_is_not_there() -> None:
    assert not is_open(Address("http", "x" * 70, 80))


def test_unix_sockets_are_looked_at_too(tmp_path: Any) -> None:
    path = str(tmp_path / "s")
    assert not is_open(Address("unix", "", 0, path))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        assert is_open(Address("unix", "", 0, path))


class Hook:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def request(self, method: str, url: str, **options: Any) -> Any:
        self.asked.append((method, url))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer, [], b""


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (204, "shop was woken: status 204"),
        (500, "waking shop failed: status 500"),
        (GatewayError(UPSTREAM_REFUSED), "waking shop failed: upstream-refused"),
    ],
)
def test_the_hook_is_called_and_what_came_of_it_logged(
    answer: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    hook = Hook(answer)
    due = iter((True, False))
    wake = ActivationHook("shop", "POST", "https://scaler.test/x", hook, lambda: next(due))
    wake.call()
    wake.call()
    assert hook.asked == [("POST", "https://scaler.test/x")] and said in caplog.text
