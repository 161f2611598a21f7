"""The Redis store as it is reached: passwords, TLS, a cluster, sentinels; and what happens when it is not."""

import logging
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic

import pytest

from gateway.state.fail_fast_store import PAUSE, PAUSE_MAX, FailFastStore
from gateway.state.open_store import open_store
from gateway.state.redis import client as redis_client
from gateway.state.redis.address import parse
from gateway.state.redis.client import CONNECTIONS, PATIENCE
from gateway.state.redis.store import RedisStore
from gateway.state.store import StoreError, StoreFullError, StoreUnavailableError
from tests.support.certs import authority, issue
from tests.support.forks import run_all
from tests.support.gateway import free_port, wait_until
from tests.support.patient import patient
from tests.support.redis import PASSWORD, cluster, redis, sentinel
from tests.support.tries import first_quick

ROOT = Path(__file__).parents[2]
QUOTED = "s3cret%2Fwith%40odd%3Asigns"


@pytest.fixture(scope="module", autouse=True)
def late():
    """A Redis may be late, where it is not that which is tested."""
    with patient():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("redis")


@pytest.fixture(scope="module")
def server(folder):
    with redis(folder) as made:
        yield made


@pytest.fixture
def opened():
    """opened(url) -> a RedisStore, closed after the test."""
    stores = []

    def make(url):
        stores.append(RedisStore(parse(url)))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def store(server, opened):
    made = opened(f"redis://127.0.0.1:{server.port}/0")
    made.clear(b"")
    return made


def test_keys_stand_behind_a_prefix_and_nothing_else_is_touched(store, server):
    server.ask("SET", "other", "1")
    server.ask("SET", "gw*other", "1")
    store.set(b"a*[b", b"v", None)
    store.set(b"axb", b"w", None)
    assert server.ask("GET", "gw:a*[b") == "v"
    assert list(store.scan(b"a*[")) == [b"a*[b"]
    assert store.clear(b"") == 2
    assert server.ask("GET", "other") == "1"


def milliseconds(server, key):
    return int(server.ask("PTTL", "gw:" + key)[1:])


def test_ends_are_those_that_were_asked_for(store, server):
    store.set(b"k", b"v", 1000.5)
    assert 999_000 < milliseconds(server, "k") <= 1_000_500
    assert store.incr(b"n", 1, 500)
    assert store.incr(b"n", 1, 900) == 2
    assert 490_000 < milliseconds(server, "n") <= 500_000  # a counter keeps its first end
    store.set(b"z", b"007", 500)
    assert store.incr(b"z", 1, None) == 8
    assert 490_000 < milliseconds(server, "z") <= 500_000
    assert store.expire(b"k", None)
    assert milliseconds(server, "k") == -1
    assert store.expire(b"k", 0.0001)
    wait_until(lambda: store.get(b"k") is None, "a short ttl is over")
    assert not store.expire(b"k", 1)
    assert not store.expire(b"k", None)
    assert store.sweep(10) == 0


def test_the_gateway_names_itself(store, server):
    assert store.get(b"k") is None
    assert "name=gateway" in server.ask("CLIENT", "LIST")


def test_scripts_survive_a_server_that_forgot_them(store, server):
    assert store.incr(b"n", 1, None) == 1
    server.ask("SCRIPT", "FLUSH")
    assert store.incr(b"n", 2**60, None) == 2**60 + 1  # more than a Lua number holds


def test_one_of_many_gets_what_is_absent(store):
    won = []
    barrier = threading.Barrier(8)

    def race():
        barrier.wait()
        for number in range(50):
            if store.set_if_absent(b"lease%d" % number, b"", 60):
                won.append(number)
            store.incr(b"sum", 1, None)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(50))
    assert store.get(b"sum") == b"400"


def test_a_store_of_before_the_fork(store):
    store.set(b"k", b"1", None)
    assert run_all([lambda: store.set(b"child", b"2", None) or store.get(b"k") == b"1"]) == [0]
    assert (store.get(b"child"), store.get(b"k")) == (b"2", b"1")  # on the connection that the child did not touch


def test_a_user_and_a_database(folder, opened):
    with redis(folder, password=PASSWORD) as server:
        store = opened(f"redis://default:{QUOTED}@127.0.0.1:{server.port}/3")
        store.set(b"k", b"v", None)
        assert server.ask("GET", "gw:k") == "$-1"  # that is database 0
        assert opened(f"redis://:{QUOTED}@127.0.0.1:{server.port}/3").get(b"k") == b"v"
        for wrong in ("default:wr%2Fong@", ":wr%2Fong@", ""):
            with pytest.raises(StoreUnavailableError) as caught:
                opened(f"redis://{wrong}127.0.0.1:{server.port}").get(b"k")
            assert "ong" not in str(caught.value)
            assert f"127.0.0.1:{server.port}" in str(caught.value)


def test_tls_is_verified(folder, opened):
    ca = authority(folder)
    with redis(folder, tls=(ca, issue(folder, ca, "store", "DNS:localhost"))) as server:
        store = opened(f"rediss://localhost:{server.port}?ca={ca.cert}")
        store.set(b"k", b"v", 60)
        assert store.get(b"k") == b"v"
        for wrong in (
            f"rediss://localhost:{server.port}",  # the system knows no such authority
            f"rediss://127.0.0.1:{server.port}?ca={ca.cert}",  # another name
            f"redis://localhost:{server.port}",
            f"rediss://localhost:{server.port}?ca={folder}/missing.pem",
        ):
            with pytest.raises(StoreUnavailableError):
                opened(wrong).get(b"k")


def test_a_cluster(folder, opened):
    with cluster(folder) as servers:
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
        store = opened(f"redis+cluster://{hosts}")
        keys = [b"k%d" % number for number in range(60)]
        for key in keys:
            store.set(key, b"v", 60)
            assert store.incr(b"n" + key, 2, None) == 2
        assert all(int(server.ask("DBSIZE")[1:]) > 10 for server in servers)
        assert sorted(store.scan(b"k")) == sorted(keys)
        assert store.compare_and_set(b"k1", b"v", b"w", None)
        assert (store.clear(b"k"), store.clear(b"nk")) == (60, 60)
        assert opened(f"redis+cluster://127.0.0.1:{servers[2].port}").get(b"k1") is None
        servers[0].stop()
        assert any(fails(store, key) for key in keys)
        for server in servers:
            server.stop()
        assert all(fails(store, key) for key in keys[:3])


def fails(store, key):
    return not is_done(lambda: store.get(key))


def is_done(action):
    """Whether the store was there."""
    try:
        action()
    except StoreUnavailableError:
        return False
    return True


def test_behind_a_sentinel(folder, opened, server):
    with sentinel(folder, server, "mine") as watcher:
        store = opened(f"redis+sentinel://127.0.0.1:{watcher.port}/mine")
        store.set(b"behind", b"v", 60)
        assert server.ask("GET", "gw:behind") == "v"
        with pytest.raises(StoreUnavailableError):
            opened(f"redis+sentinel://127.0.0.1:{watcher.port}/other").get(b"k")
    store.close()
    with pytest.raises(StoreUnavailableError):
        store.get(b"k")


def test_a_port_where_nobody_listens(opened):
    with pytest.raises(StoreUnavailableError, match="Connection refused"):
        opened(f"redis://:secret@127.0.0.1:{free_port()}").get(b"k")


def test_a_server_that_is_no_redis(opened):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def play():
            with listener.accept()[0] as sock:
                sock.recv(100)
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=play)
        thread.start()
        with pytest.raises(StoreUnavailableError):
            opened(f"redis://127.0.0.1:{listener.getsockname()[1]}").get(b"k")
        thread.join()


def test_a_silent_server_holds_up_nobody_for_long(folder, opened, monkeypatch):
    with redis(folder) as server:
        other = opened(f"redis://127.0.0.1:{server.port}")
        other.set(b"k", b"v", None)
        monkeypatch.setattr(redis_client, "PATIENCE", PATIENCE)
        guarded = FailFastStore(opened(f"redis://127.0.0.1:{server.port}"))
        wait_until(lambda: not fails(guarded, b"k"), "it is asked")
        server.pause()
        failed = []

        def ask():
            started = monotonic()
            assert fails(guarded, b"k")
            failed.append(monotonic() - started)

        threads = [threading.Thread(target=ask) for _ in range(4 * CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(failed) == len(threads)
        assert max(failed) < 5  # not one after the other, which would take 13 s
        assert guarded.is_down
        server.resume()
        found = []
        wait_until(lambda: is_done(lambda: found.append(guarded.get(b"k"))), "the store is back by itself")
        assert not guarded.is_down
        assert found == [b"v"]


def test_a_server_that_was_started_anew_is_no_failure(folder, opened):
    with redis(folder) as server:
        store = opened(f"redis://127.0.0.1:{server.port}")
        store.set(b"k", b"v", None)
        server.stop()
        server.start()
        assert store.get(b"k") is None


def test_a_full_server(folder, opened):
    with redis(folder, "--maxmemory-policy", "noeviction") as server:
        store = opened(f"redis://127.0.0.1:{server.port}")
        store.set(b"k0", b"v", None)
        server.ask("CONFIG", "SET", "maxmemory", "1000")
        with pytest.raises(StoreFullError, match="no room"):
            store.set(b"k1", b"v", None)
        with pytest.raises(StoreFullError):
            store.incr(b"n", 1, None)
        assert store.delete(b"k0")


def test_what_a_server_refuses(store, server):
    server.ask("LPUSH", "gw:list", "1")
    with pytest.raises(StoreError, match="refused a command: WRONGTYPE") as caught:
        store.get(b"list")
    assert not isinstance(caught.value, StoreUnavailableError)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://x", "x:6379"),
        ("rediss://:pw@x:1/2", "x:1"),
        ("redis+cluster://u:pw@a:1,[::1]:2", "a:1,[::1]:2"),
        ("rediss+cluster://a", "a:6379"),
        ("redis+sentinel://a,b:2/mine", "mine of a:26379,b:2"),
    ],
)
def test_addresses(url, shown):
    assert str(parse(url)) == shown
    assert "pw" not in repr(parse(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://pw", "redis+://pw", "redis+tls://pw", "redis://", "redis://:pw@", "redis://pw:0", "redis://pw:x",
        "redis://:pw/pw@x", "redis://a,pw", "redis://pw/x", "redis://x/-1", "redis+cluster://pw/1",
        "redis+sentinel://pw", "redis+sentinel://x/pw/pw", "redis://x?db=pw", "redis://x?ca=pw", "rediss://x?ca",
        "rediss://x?ca=1&pw=2", "redis://x#pw", "redis://[pw", "redis://:pw@x:99999",
    ],
)  # fmt: skip
def test_bad_addresses_are_not_repeated(url):
    with pytest.raises(ValueError, match="store") as caught:
        parse(url)
    assert "pw" not in str(caught.value)


class Faulty:
    """A store whose `get` does what the test says, and counts."""

    def __init__(self):
        self.asked = 0
        self.error = None

    def get(self, key):
        self.asked += 1
        if self.error is not None:
            raise self.error
        return b"v"

    def scan(self, prefix):
        yield b"1"
        yield self.get(prefix)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def guarded():
    made = FailFastStore(Faulty(), Clock())
    return made, made._store, made._clock


def test_a_breaker_opens_probes_and_closes(guarded, caplog):
    store, inner, clock = guarded
    caplog.set_level(logging.INFO)
    inner.error = StoreUnavailableError("gone")
    assert fails(store, b"k") and store.is_down
    assert inner.asked == 1
    pauses = []
    for _ in range(5):
        started, asked = clock.now, inner.asked
        while inner.asked == asked:
            clock.now += 0.25
            assert fails(store, b"k")
        pauses.append(clock.now - started)
        assert fails(store, b"k") and inner.asked == asked + 1  # one probe
    assert pauses == [PAUSE, 2.0, 4.0, PAUSE_MAX, PAUSE_MAX]
    inner.error = None
    clock.now += PAUSE_MAX
    assert store.get(b"k") == b"v"
    assert not store.is_down
    assert [record.getMessage() for record in caplog.records] == [
        "gone; it is asked again in 1 s",
        "the store is back after 22.0 s",
    ]
    inner.error = StoreUnavailableError("gone")
    assert fails(store, b"k")
    clock.now += PAUSE  # the pause is a short one again
    inner.error = None
    assert store.get(b"k") == b"v"


@pytest.mark.parametrize(("error", "is_down"), [(StoreFullError("full"), False), (ValueError("bad"), True)])
def test_what_a_probe_tells(guarded, error, is_down):
    store, inner, clock = guarded
    inner.error = StoreUnavailableError("gone")
    assert fails(store, b"k")
    clock.now += PAUSE
    inner.error = error
    with pytest.raises(type(error)):
        store.get(b"k")
    assert store.is_down is is_down
    inner.error = None
    assert store.get(b"k") == b"v"


def test_other_errors_open_no_breaker(guarded):
    store, inner, _ = guarded
    for inner.error in (StoreFullError("full"), StoreError("no"), ValueError("bad")):
        with pytest.raises(type(inner.error)):
            store.get(b"k")
    assert not store.is_down


def test_a_scan_that_breaks_off(guarded):
    store, inner, _ = guarded
    inner.error = StoreUnavailableError("gone")
    keys = store.scan(b"")
    assert next(keys) == b"1"
    with pytest.raises(StoreUnavailableError):
        next(keys)
    assert store.is_down


def test_redis_is_imported_for_a_redis_only(tmp_path):
    text = (
        "import sys, pathlib\n"
        "from gateway.state.open_store import open_store\n"
        "store = open_store('memory', pathlib.Path(sys.argv[1]))\n"
        "store.set(b'k', b'v', None)\n"
        "assert 'redis' not in sys.modules\n"
        "open_store('redis://127.0.0.1:1', pathlib.Path(sys.argv[1]))\n"
        "assert 'redis' in sys.modules\n"
    )
    command = [sys.executable, "-c", text, str(tmp_path)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_opening(tmp_path, server):
    store = open_store(f"redis://127.0.0.1:{server.port}", tmp_path)
    assert isinstance(store, FailFastStore)
    for key in (b"a", b"b"):
        store.set(key, b"1", 60)
    assert store.set_if_absent(b"a", b"", None) is False
    assert store.compare_and_set(b"a", b"1", b"2", None)
    assert (store.incr(b"a", 1, None), store.expire(b"a", 5)) == (3, True)
    assert set(store.scan(b"")) >= {b"a", b"b"}
    assert store.delete(b"a")
    assert store.clear(b"b") == 1
    assert store.sweep(1) == 0
    store.close()
    with pytest.raises(ValueError, match="the store is"):
        open_store("postgres://x", tmp_path)


def test_greenlets_share_it(server):
    """In a process of its own, patched as a worker is: one greenlet's wait holds up no other, a name least of all."""
    text = (
        "from gevent import monkey; monkey.patch_all()\n"
        "import gevent, socket, sys, threading\n"
        "from gateway.state.redis.address import parse\n"
        "from gateway.state.redis.store import RedisStore\n"
        "from gateway.state.store import StoreUnavailableError\n"
        "store = RedisStore(parse(sys.argv[1]))\n"
        "store.clear(b'')\n"
        "jobs = [gevent.spawn(store.incr, b'n', 1, None) for _ in range(100)]\n"
        "gevent.joinall(jobs, raise_error=True)\n"
        "assert store.get(b'n') == b'100'\n"
        "socket.getaddrinfo = lambda *_, **__: gevent.sleep(30)\n"
        "try:\n"
        "    RedisStore(parse('redis://slow.test')).get(b'k')\n"
        "except StoreUnavailableError as error:\n"
        "    assert 'no answer in time' in str(error), error\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    command = [sys.executable, "-c", text, f"redis://127.0.0.1:{server.port}"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    # Where other processes want the machine as well, a Redis may be late.
    assert not first_quick(lambda: subprocess.run(command, timeout=60, env=environ).returncode, lambda code: code == 0)
