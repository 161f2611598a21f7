"""Keys of an issuer: found by all workers, fetched by one, and never lost to an outage."""

import logging
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest

from gateway.auth.jwt import jwks
from gateway.auth.jwt.jwks import LOOK_EVERY, UNKNOWN_EVERY, RemoteJwks
from gateway.auth.jwt.jwks_record import SET_MAX
from gateway.auth.model import Jwks
from gateway.errors import IDENTITY_UNAVAILABLE, GatewayError
from gateway.state import single_flight as flights
from tests.support.clock import Clock
from tests.support.gateway import wait_until
from tests.unit.identity.workers import Issuer

REFRESH = 600.0
STALE = 86400.0
URL = "https://id.example.test/jwks.json"


@pytest.fixture
def store(switched):
    return switched


@pytest.fixture
def issuer():
    return Issuer("a")


@pytest.fixture
def worker(store, issuer, clock):
    """worker() -> the keys as one worker has them."""

    def make(refresh=REFRESH, stale=STALE, store=store, chance=0.5, sleep=nap):
        spec = Jwks(URL, refresh, stale, False, "")
        return RemoteJwks(spec, store, issuer, clock, chance=lambda: chance, sleep=sleep)

    return make


def nap(seconds):
    """Stands in for the pause between two looks at what another worker does: the looking goes on, only sooner."""
    time.sleep(min(seconds, 0.001))


def doze(seconds):
    """The same for workers that are threads, of which each may be held up: the others look for four seconds."""
    time.sleep(min(seconds, 0.02))


@pytest.fixture
def held_up(monkeypatch):
    """Requests wait for long for a thread that asks."""
    for name in ("FIRST_WAIT", "UNKNOWN_WAIT"):
        monkeypatch.setattr(jwks, name, 15.0)


def kids(keys):
    return [key.kid for key in keys]


def find(keys, kid):
    return kids(keys.find(kid, "EdDSA"))


def all_find(workers, kid, once_they_run=bool):
    """What they find, all at the same time."""
    found = []
    threads = [threading.Thread(target=lambda each=each: found.append(find(each, kid))) for each in workers]
    for thread in threads:
        thread.start()
    once_they_run()
    for thread in threads:
        thread.join()
    return found


def unavailable(keys, kid="a"):
    with pytest.raises(GatewayError) as caught:
        keys.find(kid, "EdDSA")
    return caught.value.kind is IDENTITY_UNAVAILABLE


def settle(keys, clock):
    """Let a second pass, in which all workers look."""
    clock.now += LOOK_EVERY
    for each in keys:
        each.tick()


def test_the_first_request_waits_for_the_keys(worker, issuer):
    keys = worker()
    assert (keys.epoch, find(keys, "a")) == (0, ["a"])
    assert keys.epoch == 1
    assert kids(keys.find(None, "EdDSA")) == ["a"]
    assert keys.find("a", "RS256") == ()
    assert issuer.asked == 1
    assert issuer.headers == [[("Accept", "application/json")]]


@pytest.mark.usefixtures("held_up")
def test_one_fetch_is_for_all_workers_and_requests(worker, issuer, monkeypatch):
    waiting = []

    class Waited(threading.Event):
        def wait(self, timeout=None):
            waiting.append(timeout)
            return super().wait(timeout)

    monkeypatch.setattr(flights, "threading", types.SimpleNamespace(Event=Waited, Thread=threading.Thread))
    workers = [worker(sleep=doze) for _ in range(4)]
    issuer.gate.clear()

    def answer():
        """NOTE: a thread, unlike a greenlet, may be held up before it waits, and would ask again after the others."""
        wait_until(lambda: len(waiting) == 32, "all of them wait")
        issuer.gate.set()

    assert all_find(workers * 8, "a", answer) == [["a"]] * 32
    assert issuer.asked == 1


def test_no_keys_at_all(worker, issuer, clock):
    issuer.is_down = True
    first, second = worker(), worker()
    assert unavailable(first)
    for _ in range(10):
        assert unavailable(first)
        assert unavailable(second)
    assert issuer.asked == 1
    issuer.is_down = False
    clock.now += 1.1
    assert find(second, "a") == ["a"]
    assert find(first, "a") == ["a"]
    assert issuer.asked == 2


def test_keys_are_fetched_ahead_of_time(worker, issuer, clock):
    keys = worker()
    keys.tick()
    clock.now += 0.84 * REFRESH
    keys.tick()
    assert issuer.asked == 1
    clock.now += 0.02 * REFRESH
    keys.tick()
    assert issuer.asked == 2


def test_rotation_costs_one_fetch_for_each_refresh_and_refuses_nothing(worker, issuer, clock):
    """The issuer publishes a key, signs with it once all may know it, and withdraws the last one much later."""
    workers = [worker(refresh=60.0, chance=number / 4) for number in range(4)]
    begin = clock.now
    while clock.now < begin + 1200:
        turn = int(clock.now - begin) // 100
        issuer.publish(*(f"k{number}" for number in range(max(0, turn - 2), turn + 1)))
        for each in workers:
            each.tick()
            assert find(each, f"k{max(0, turn - 1)}"), clock.now - begin
        clock.now += 0.5
    assert 20 <= issuer.asked <= 1200 / (0.8 * 60) + 1


@pytest.mark.usefixtures("held_up")
def test_a_key_that_signs_at_once_is_found_at_once(worker, issuer, clock):
    workers = [worker(sleep=doze) for _ in range(4)]
    assert [find(each, "a") for each in workers] == [["a"]] * 4
    for turn in range(5):
        issuer.publish(f"k{turn}")
        assert all_find(workers * 6, f"k{turn}") == [[f"k{turn}"]] * 24
        assert issuer.asked == 2 + turn
        clock.now += UNKNOWN_EVERY
    assert find(workers[0], "a") == []  # it was withdrawn


def test_unknown_keys_cost_one_fetch_in_a_while(worker, issuer, clock):
    workers = [worker(), worker(), worker()]
    for each in workers:
        assert find(each, "a")
    for number in range(200):
        for each in workers:
            assert each.find(f"{number}", "EdDSA") == ()
            assert each.find(None, "RS256") == ()
        clock.now += 0.25
    assert issuer.asked <= 1 + 50 / UNKNOWN_EVERY
    assert find(workers[0], "a") == ["a"]


def test_another_worker_is_believed_within_a_second(worker, issuer, clock):
    first, second = worker(), worker()
    settle([first, second], clock)
    epoch = second.epoch
    issuer.publish("b")
    assert find(first, "b") == ["b"]
    settle([second], clock)
    assert second.epoch == epoch + 1
    assert find(second, "a") == []
    assert find(second, "b") == ["b"]


@pytest.mark.thorough
def test_an_hour_without_an_issuer(worker, issuer, clock):
    workers = [worker(), worker()]
    settle(workers, clock)
    issuer.is_down = True
    for _ in range(3600):
        settle(workers, clock)
        assert [find(each, "a") for each in workers] == [["a"]] * 2
    assert 5 < issuer.asked < 30  # further and further apart
    assert workers[0].epoch == 1
    assert unavailable(workers[0], "new")  # it may be a good one: that is not known
    issuer.is_down = False
    issuer.publish("a", "new")
    for _ in range(round(REFRESH / 2) + 1):
        settle(workers, clock)
    assert [find(each, "new") for each in workers] == [["new"]] * 2
    assert workers[0].epoch == 2


def test_keys_are_not_believed_for_ever(worker, issuer, clock, caplog):
    keys = worker(refresh=60.0, stale=100.0)
    keys.tick()
    issuer.is_down = True
    clock.now += 99
    keys.tick()
    assert (find(keys, "a"), keys.epoch) == (["a"], 1)
    clock.now += 2
    keys.tick()
    assert keys.epoch == 2  # whoever remembers a verdict has to ask again
    assert unavailable(keys)
    assert "too old" in caplog.text
    keys.tick()
    assert keys.epoch == 2
    issuer.is_down = False
    clock.now += 60
    assert find(keys, "a") == ["a"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"),
        (301, b""),
        (304, b""),
        (200, b"<html>maintenance</html>"),
        (200, b"[]"),
        (200, b'{"keys": []}'),
        (200, b'{"keys": [{"kty": "oct", "k": "' + b"A" * 64 + b'"}]}'),
        (200, b'{"keys": [{"kty": "RSA"}]}'),
        (200, b'{"keys": "\xff"}'),
        (200, b'{"kty": "OKP", "crv": "Ed25519", "x": "' + b"A" * 43 + b'"}'),
        (200, b" " * SET_MAX + b"{}"),
    ],
)
def test_what_is_no_set_of_keys_ends_no_key(worker, issuer, clock, caplog, status, body):
    keys = worker()
    keys.tick()
    issuer.status, issuer.body = status, body
    clock.now += 0.9 * REFRESH
    keys.tick()
    assert issuer.asked == 2
    assert (find(keys, "a"), keys.epoch) == (["a"], 1)
    assert "could not be fetched" in caplog.text


def test_secrets_of_a_set_are_passed_over(worker, issuer):
    issuer.body = issuer.body.replace(b'"keys": [', b'"keys": [{"kty": "oct", "kid": "s", "k": "' + b"A" * 64 + b'"},')
    assert kids(worker().find(None, "EdDSA")) == ["a"]
    assert worker().find("s", "HS256") == ()


def test_an_unchanged_set_is_not_sent_again(worker, issuer, clock):
    issuer.etag = '"1"'
    keys = worker()
    for _ in range(3):
        keys.tick()
        clock.now += 0.9 * REFRESH
    assert issuer.asked == 3
    assert ("If-None-Match", '"1"') in issuer.headers[2]
    assert (find(keys, "a"), keys.epoch) == (["a"], 1)
    clock.now += STALE - 2 * REFRESH  # counted from the last answer
    assert find(keys, "a") == ["a"]


def test_a_worker_that_comes_later_asks_nobody(worker, issuer, clock):
    worker().tick()
    clock.now += 100
    assert find(worker(), "a") == ["a"]
    assert issuer.asked == 1


def test_each_is_on_its_own_without_a_store(worker, issuer, store, clock):
    store.is_down = True
    workers = [worker(), worker()]
    settle(workers, clock)
    assert issuer.asked == 2
    for _ in range(100):
        for each in workers:
            assert each.find("x", "EdDSA") == ()
    assert issuer.asked == 4
    clock.now += 60
    issuer.publish("a", "b")
    assert find(workers[0], "b") == ["b"]
    store.is_down = False
    settle(workers, clock)  # the first gives what it has to all
    settle(workers, clock)
    assert issuer.asked == 5
    assert find(workers[1], "b") == ["b"]
    assert issuer.asked == 5


def test_a_store_that_was_emptied_is_filled_again(worker, issuer, store, clock):
    first = worker()
    first.tick()
    assert store.clear(b"jwks:") == 1
    settle([first], clock)
    assert find(worker(), "a") == ["a"]
    assert issuer.asked == 1


def test_an_older_set_that_waits_in_the_store_does_not_win(worker, issuer, store, clock):
    first, second = worker(), worker()
    settle([first, second], clock)
    store.is_down = True
    issuer.publish("b")
    clock.now += UNKNOWN_EVERY
    assert find(first, "b") == ["b"]
    store.is_down = False
    settle([first], clock)
    assert find(first, "b") == ["b"]
    settle([second], clock)
    assert find(second, "b") == ["b"]
    assert issuer.asked == 2


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"fetched_at": 1, "etag": "", "keys": "x"}', b"\xff"])
def test_what_the_store_has_is_checked(worker, issuer, store, clock, caplog, raw):
    keys = worker()
    keys.tick()
    (key,) = store.scan(b"jwks:")
    store.set(key, raw, None)
    settle([keys], clock)
    assert find(keys, "a") == ["a"]
    assert find(worker(), "a") == ["a"]
    assert "cannot be used" in caplog.text


def test_an_old_set_in_the_store_is_not_believed(worker, issuer, clock):
    worker(stale=100.0).tick()
    clock.now += 101
    issuer.is_down = True
    assert unavailable(worker(stale=100.0))
    issuer.is_down = False
    clock.now += 2
    assert find(worker(stale=100.0), "a") == ["a"]  # the first request asks, and takes no old one for an answer


def test_a_clock_that_was_set_back(worker, issuer, clock):
    keys = worker()
    keys.tick()
    clock.now -= 7200
    settle([keys], clock)
    assert find(keys, "a") == ["a"]
    other = worker()
    assert find(other, "a") == ["a"]  # another host, whose clock is behind
    issuer.publish("b")
    clock.now += 0.9 * REFRESH
    settle([other], clock)
    assert find(other, "b") == ["b"]


def test_a_clock_that_was_set_back_after_a_failure(store, issuer, clock):
    wall = Clock()  # the store counts since the machine was started
    keys = RemoteJwks(Jwks(URL, REFRESH, STALE, False, ""), store, issuer, wall, sleep=nap)
    issuer.is_down = True
    keys.tick()
    assert unavailable(keys)
    issuer.is_down = False
    wall.now -= 7200
    clock.now += 2
    settle([keys], wall)
    assert find(keys, "a") == ["a"]


def test_a_clock_that_was_set_back_keeps_no_old_keys(worker, issuer, clock):
    keys = worker()
    keys.tick()
    clock.now -= 30 * 86400  # as after a start with a clock that was far ahead
    settle([keys], clock)
    issuer.publish("b")
    clock.now += 0.9 * REFRESH
    settle([keys], clock)
    assert issuer.asked == 2
    assert find(keys, "b") == ["b"]


def test_a_holder_of_the_lease_that_dies_holds_up_nobody_for_long(worker, issuer, store, clock):
    keys = worker()
    keys.tick()
    (key,) = store.scan(b"jwks:")
    store.set(key + b":lease", b"", 10)
    issuer.publish("b")
    clock.now += 0.9 * REFRESH
    keys.tick()
    assert issuer.asked == 2


def test_ticks_do_not_raise(worker, clock, caplog, monkeypatch):
    keys = worker()
    monkeypatch.setattr(keys, "_look", lambda: 1 / 0)
    caplog.set_level(logging.ERROR)
    keys.tick()
    keys._due = clock.now + 100
    keys.tick()
    assert "ZeroDivisionError" in caplog.text


def test_made_before_gevent_patches_and_used_by_greenlets():
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PATCHED],
        capture_output=True, text=True, timeout=30, cwd=Path(__file__).parents[3], check=False,
    )  # fmt: skip
    assert ran.stdout == "all well\n", ran.stderr


PATCHED = """
import tempfile, threading
from pathlib import Path
from gateway.auth.model import Jwks
from gateway.auth.jwt.jwks import RemoteJwks
from gateway.state.memory_store import MemoryStore
from tests.support.clock import Clock
from tests.unit.identity.workers import jwk_set

class Http:
    asked, kids = 0, ["a"]
    def request(self, *_, **__):
        self.asked += 1
        assert self.gate.wait(15)
        return 200, [], jwk_set(*self.kids)

with tempfile.TemporaryDirectory() as folder:
    http = Http()
    keys = RemoteJwks(Jwks("https://x.test/", 600.0, 86400.0, False, ""), MemoryStore(Path(folder)), http)
    from gevent import monkey; monkey.patch_all()
    import gevent
    for kid in ("a", "b"):
        http.kids, http.gate = [kid], threading.Event()
        jobs = [gevent.spawn(keys.find, kid, "EdDSA") for _ in range(50)]
        gevent.spawn_later(0, http.gate.set)  # once all of them have begun
        gevent.joinall(jobs, raise_error=True)
        assert all(job.value for job in jobs)
    assert http.asked == 2
print("all well")
"""
