"""Tokens are renewed once, whoever notices; what a provider that refuses, fails or is slow does to a session."""

from itertools import pairwise

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Group

from gateway.auth.session import refresh as renewal
from gateway.auth.session.refresh import RefreshedTokens, RefusedError, TokenRefresher
from gateway.auth.session.store import Sessions, Tokens
from gateway.errors import IDENTITY_UNAVAILABLE, STORE_UNAVAILABLE, UPSTREAM_REFUSED, GatewayError
from gateway.state import StoreUnavailableError
from tests.support.clock import START
from tests.support.greenlets import until
from tests.support.openid import session_spec

END = START + 300


@pytest.fixture(autouse=True)
def courtesy(monkeypatch):
    """Who waits for a refresher at its gate waits on a busy machine too."""
    monkeypatch.setattr(renewal, "COURTESY", 15.0)


class Refresher:
    """Counts; waits at its gate, which stands open; fails when told to."""

    def __init__(self, clock):
        self.clock = clock
        self.used = []
        self.error = None
        self.claims = None
        self.gate = Event()
        self.gate.set()

    def refresh(self, tokens, subject):
        self.used.append(tokens.refresh)
        number = len(self.used)
        assert subject == "ada"
        self.gate.wait()
        if self.error:
            raise self.error
        return RefreshedTokens(
            Tokens(f"access-{number}", self.clock(), self.clock() + 300, f"refresh-{number}", "id", ()), self.claims
        )


@pytest.fixture
def refresher(clock):
    return Refresher(clock)


@pytest.fixture
def sessions(store, clock):
    return Sessions("browser", session_spec(), store, clock)


@pytest.fixture
def worker(sessions, store, refresher, clock):
    """Makes what each worker has."""
    return lambda **known: TokenRefresher(sessions, store, refresher, renew_before=60, clock=clock, **known)


@pytest.fixture
def entry(sessions):
    return sessions.begin("ada", {"sub": "ada", "n": 0}, Tokens("access-0", START, END, "refresh-0", "id", ("a",)))[1]


def test_nothing_to_do(worker, sessions, entry, refresher, clock):
    clock.now = END - 61
    assert worker().fresh(entry) is entry
    _, without = sessions.begin("ada", {"sub": "ada"})
    clock.now = END + 1
    assert worker().fresh(without) is without
    assert refresher.used == []


def test_a_token_without_an_end(worker, sessions, clock):
    _, entry = sessions.begin("ada", {"sub": "ada"}, Tokens("access", START, None, "refresh", "id", ()))
    clock.now += 1700
    assert worker().fresh(entry) is entry


def test_a_short_life_is_not_all_renewal(worker, sessions, refresher, clock):
    _, entry = sessions.begin("ada", {"sub": "ada"}, Tokens("access", START, START + 30, "refresh", "id", ()))
    clock.now = START + 14
    assert worker().fresh(entry) is entry
    clock.now = START + 15
    assert worker().fresh(entry).session.tokens.access == "access-1"


@pytest.mark.parametrize("late", [-60, -1, 0, 600])
def test_renewed(worker, sessions, entry, refresher, clock, late):
    clock.now = END + late
    renewed = worker().fresh(entry)
    assert renewed.session.tokens == Tokens("access-1", clock.now, clock.now + 300, "refresh-1", "id", ())
    assert renewed.session.claims == {"sub": "ada", "n": 0}
    assert sessions.read(entry.key) == renewed
    assert worker().fresh(renewed) is renewed
    assert refresher.used == ["refresh-0"]


def test_new_claims_and_the_next_refresh_token(worker, entry, refresher, clock):
    refresher.claims = {"sub": "ada", "n": 1}
    clock.now = END
    renewed = worker().fresh(entry)
    assert renewed.session.claims == {"sub": "ada", "n": 1}
    clock.now += 300
    worker().fresh(renewed)
    assert refresher.used == ["refresh-0", "refresh-1"]


@pytest.mark.parametrize("late", [-30, 30])
def test_a_thousand_requests_on_five_workers_make_one_call(worker, sessions, entry, refresher, clock, late):
    clock.now = END + late
    refresher.gate.clear()
    workers, group, got = [worker() for _ in range(5)], Group(), []

    def request(number):
        got.append(workers[number % 5].fresh(sessions.read(entry.key)))

    for number in range(1000):
        group.start(gevent.Greenlet(request, number))
    if late < 0:  # all but the one who asks go on with the token there is
        until(lambda: len(got) == 999)
        assert {each.session.tokens.access for each in got} == {"access-0"}
    else:
        until(lambda: refresher.used)
        assert got == []
    refresher.gate.set()
    group.join()
    assert refresher.used == ["refresh-0"]
    assert len(got) == 1000
    assert {each.session.tokens.access for each in got} == ({"access-1", "access-0"} if late < 0 else {"access-1"})


def test_a_stale_copy_is_not_renewed_again(worker, entry, refresher, clock):
    clock.now = END - 30
    worker().fresh(entry)
    clock.now += 0.01
    assert worker().fresh(entry).session.tokens.access == "access-1"
    assert refresher.used == ["refresh-0"]


def test_tokens_come_to_a_record_in_use(worker, sessions, entry, refresher, clock):
    clock.now = END - 30
    refresher.gate.clear()
    flight = gevent.spawn(worker().fresh, entry)
    until(lambda: refresher.used)
    touched = sessions.touch(entry)
    assert touched.session.seen == clock.now
    refresher.gate.set()
    renewed = flight.get()
    assert renewed.session.tokens.access == "access-1"
    assert renewed.session.seen == clock.now


def test_a_request_that_is_cut_short_loses_no_tokens(worker, sessions, entry, refresher, clock):
    clock.now = END
    refresher.gate.clear()
    request = gevent.spawn(worker().fresh, entry)
    until(lambda: refresher.used)
    request.kill()
    refresher.gate.set()
    until(lambda: sessions.read(entry.key).session.tokens.refresh == "refresh-1")


def test_refused(worker, sessions, entry, refresher, clock, store):
    clock.now = END - 30
    refresher.error = RefusedError("invalid_grant")
    assert worker().fresh(entry) is None
    assert sessions.read(entry.key) is None
    clock.now += 0.01
    assert [key for key in store.scan(b"renewal:") if store.get(key)] == []


def test_refused_to_all_who_wait(worker, entry, refresher, clock):
    clock.now = END
    refresher.error = RefusedError("invalid_grant")
    refresher.gate.clear()
    paused = Event()

    def pause(seconds):
        paused.set()
        gevent.sleep(seconds)

    one, two = worker(), worker(pause=pause)
    waiting = [gevent.spawn(each.fresh, entry) for each in (one, one, two, two)]
    assert paused.wait(15)  # by now all of them wait
    refresher.gate.set()
    assert [each.get() for each in waiting] == [None] * 4
    assert refresher.used == ["refresh-0"]


def test_logged_out_meanwhile(worker, sessions, entry, refresher, clock):
    clock.now = END - 30
    refresher.gate.clear()
    flight = gevent.spawn(worker().fresh, entry)
    until(lambda: refresher.used)
    sessions.end(entry.key)
    refresher.gate.set()
    assert flight.get() is None
    assert sessions.read(entry.key) is None


def test_without_a_refresh_token(worker, sessions, refresher, clock):
    _, entry = sessions.begin("ada", {"sub": "ada"}, Tokens("access", START, END, "", "id", ()))
    clock.now = END - 1
    assert worker().fresh(entry) is entry
    clock.now = END
    assert worker().fresh(entry) is None
    assert sessions.read(entry.key) is None
    assert refresher.used == []


def test_a_provider_that_is_down(worker, sessions, entry, refresher, clock):
    refresher.error = GatewayError(UPSTREAM_REFUSED)
    clock.now = END - 30
    assert worker().fresh(entry) is entry  # its token is still good
    assert worker().fresh(entry) is entry
    assert refresher.used == ["refresh-0"]  # and nobody asks again at once
    clock.now = END
    for one in (worker(), worker()):
        with pytest.raises(GatewayError) as raised:
            one.fresh(entry)
        assert raised.value.kind is IDENTITY_UNAVAILABLE
        assert raised.value.headers == (("Retry-After", "1"),)
    assert refresher.used == ["refresh-0"] * 2
    refresher.error = None
    clock.now += 2
    assert worker().fresh(entry).session.tokens.access == "access-3"


def test_tries_of_a_provider_that_is_down_get_rarer(worker, entry, refresher, clock, sessions):
    refresher.error = GatewayError(UPSTREAM_REFUSED)
    tried, one = [], worker()
    clock.now = END - 30
    for _ in range(60):
        if len(refresher.used) > len(tried):
            tried.append(clock.now)
        one.fresh(entry)
        clock.now += 0.5
    assert [round(b - a) for a, b in pairwise(tried)] == [1, 2, 4, 8]


def test_a_worker_that_was_lost(worker, entry, refresher, clock, store):
    clock.now = END
    store.set(b"renewal:" + entry.key, b"whoever", renewal.LEASE)
    waits = []

    def pause(seconds):
        waits.append(seconds)
        clock.now += seconds

    with pytest.raises(GatewayError) as raised:
        worker(pause=pause).fresh(entry)
    assert raised.value.kind is IDENTITY_UNAVAILABLE
    assert 4.5 < sum(waits) <= renewal.PATIENCE
    assert waits == sorted(waits)
    clock.now += renewal.LEASE
    assert worker(pause=pause).fresh(entry).session.tokens.access == "access-1"


def test_a_slow_provider_holds_nobody_up_for_long(worker, entry, refresher, clock, monkeypatch):
    monkeypatch.setattr(renewal, "COURTESY", 0.02)
    monkeypatch.setattr(renewal, "PATIENCE", 0.02)
    refresher.gate.clear()
    one = worker()
    clock.now = END - 30
    assert one.fresh(entry) is entry
    clock.now = END
    with pytest.raises(GatewayError) as raised:
        one.fresh(entry)
    assert raised.value.kind is IDENTITY_UNAVAILABLE
    assert refresher.used == ["refresh-0"]
    refresher.gate.set()


class Flaky:
    """A store that fails a number of times at one method."""

    def __init__(self, store, method, times):
        self._store, self._method, self.times = store, method, times

    def __getattr__(self, name):
        if name == self._method and self.times:
            self.times -= 1
            raise StoreUnavailableError("down")
        return getattr(self._store, name)


@pytest.mark.parametrize("times", [1, 3])
def test_a_store_that_fails_when_the_tokens_come(sessions, store, entry, refresher, clock, times):
    flaky = Flaky(store, "compare_and_set", times)
    one = TokenRefresher(
        Sessions("browser", session_spec(), flaky, clock), store, refresher, renew_before=60, clock=clock
    )
    clock.now = END
    assert one.fresh(entry).session.tokens.refresh == "refresh-1"
    assert flaky.times == 0


@pytest.mark.parametrize("late", [-30, 0])
def test_a_store_that_is_down(sessions, store, entry, refresher, clock, late):
    one = TokenRefresher(sessions, Flaky(store, "set_if_absent", 1), refresher, renew_before=60, clock=clock)
    clock.now = END + late
    if late < 0:
        assert one.fresh(entry) is entry
        return
    with pytest.raises(GatewayError) as raised:
        one.fresh(entry)
    assert raised.value.kind is STORE_UNAVAILABLE


def test_what_nobody_expected(worker, entry, refresher, clock):
    refresher.error = ZeroDivisionError()
    clock.now = END
    with pytest.raises(GatewayError) as raised:
        worker().fresh(entry)
    assert raised.value.kind is IDENTITY_UNAVAILABLE
