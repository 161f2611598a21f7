"""The stores against a dict, and what a dict has not: ends, room, other processes."""

import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import lmdb
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gateway.state import MemoryStore, StoreFullError, StoreUnavailableError
from gateway.state.redis.address import parse
from gateway.state.redis.store import RedisStore
from gateway.state.store import KEY_MAX, TTL_MAX, VALUE_MAX
from tests.oracles.store_oracle import DictStore
from tests.support.drawing import examples
from tests.support.forks import run_all
from tests.support.patient import patient
from tests.support.redis import redis

ROOT = Path(__file__).parents[2]
SECOND = 10**9
MINIMUM = 16 << 20

KEYS = st.sampled_from([b"a", b"ab", b"abc", b"b", b"\0", b"\xff", b"a\xff", b"x" * KEY_MAX])
VALUES = st.sampled_from([b"", b"0", b"12", b"-3", b"v", b"long" * 2000]) | st.binary(max_size=20)
TTLS = st.none() | st.sampled_from([0.5, 1, 2, 10])


class Clock:
    def __init__(self):
        self.now = SECOND

    def __call__(self):
        return self.now


def tables(store):
    """Both tables as they are in the file."""
    env = store._opened()._env
    with env.begin() as txn:
        return [dict(txn.cursor(env.open_db(name, txn=txn))) for name in (b"entries", b"ends")]


def assert_tables_agree(store):
    entries, ends = tables(store)
    assert {raw[:8] + key for key, raw in entries.items() if raw[:8] != bytes(8)} == set(ends)


class AnyStore(RuleBasedStateMachine):
    """What holds for every store while no time passes; whoever inherits says how to `make` one, and its `keys`."""

    #: what a ttl is multiplied by: no end is reached where the clock cannot be held
    scale = 1

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.store = self.make()
        self.oracle = DictStore(self.clock)

    def both(self, method, *arguments, ttl=()):
        if ttl != ():
            arguments += (ttl and ttl * self.scale,)
        outcomes = []
        for store in (self.store, self.oracle):
            try:
                outcomes.append(getattr(store, method)(*arguments))
            except ValueError:
                outcomes.append(ValueError)
        assert outcomes[0] == outcomes[1]

    @rule(key=KEYS)
    def get(self, key):
        self.both("get", key)

    @rule(key=KEYS, value=VALUES, ttl=TTLS)
    def set(self, key, value, ttl):
        self.both("set", key, value, ttl=ttl)

    @rule(key=KEYS, value=VALUES, ttl=TTLS)
    def set_if_absent(self, key, value, ttl):
        self.both("set_if_absent", key, value, ttl=ttl)

    @rule(key=KEYS, old=VALUES, new=VALUES, ttl=TTLS)
    def compare_and_set(self, key, old, new, ttl):
        self.both("compare_and_set", key, old, new, ttl=ttl)
        self.both("compare_and_set", key, self.oracle.get(key) or old, new, ttl=ttl)

    @rule(key=KEYS)
    def delete(self, key):
        self.both("delete", key)

    @rule(key=KEYS, by=st.integers(-20, 20), ttl=TTLS)
    def incr(self, key, by, ttl):
        self.both("incr", key, by, ttl=ttl)

    @rule(key=KEYS, ttl=TTLS)
    def expire(self, key, ttl):
        self.both("expire", key, ttl=ttl)

    @rule(prefix=KEYS | st.just(b""))
    def clear(self, prefix):
        self.both("clear", prefix)

    @rule(prefix=KEYS | st.just(b""))
    def scan(self, prefix):
        assert self.keys(prefix) == list(self.oracle.scan(prefix))

    def keys(self, prefix):
        return list(self.store.scan(prefix))

    @rule()
    def reopen(self):
        self.store.close()


class StoreAgainstDict(AnyStore):
    def make(self):
        self.directory = tempfile.TemporaryDirectory()
        return MemoryStore(Path(self.directory.name), capacity=MINIMUM, clock=self.clock)

    def teardown(self):
        self.store.close()
        self.directory.cleanup()

    @rule(seconds=st.sampled_from([0.25, 0.5, 1, 3]))
    def time_passes(self, seconds):
        self.clock.now += int(seconds * SECOND)

    @rule(limit=st.integers(1, 4))
    def sweep(self, limit):
        before = len(tables(self.store)[0])
        swept = self.store.sweep(limit)
        assert swept == min(limit, before - len(self.oracle.live()) if before > len(self.oracle.live()) else 0)
        assert len(tables(self.store)[0]) == before - swept

    @invariant()
    def the_index_is_in_step(self):
        assert_tables_agree(self.store)


StoreAgainstDict.TestCase.settings = examples(40, 40)
TestStoreAgainstDict = StoreAgainstDict.TestCase


def test_a_redis_against_a_dict(server):
    class RedisAgainstDict(AnyStore):
        scale = 1000

        def make(self):
            return redis_store(server)

        def keys(self, prefix):
            found = sorted(self.store.scan(prefix))
            assert len(found) == len(set(found))
            return found

        def teardown(self):
            self.store.close()

    run_state_machine_as_test(RedisAgainstDict, settings=examples(30, 40))


def redis_store(server):
    """An empty store."""
    made = RedisStore(parse(f"redis://127.0.0.1:{server.port}"))
    made.clear(b"")
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with patient(), redis(tmp_path_factory.mktemp("redis")) as made:
        yield made


@pytest.fixture(params=["memory", "redis"])
def any_store(request):
    """For what every store does."""
    if request.param == "memory":
        yield request.getfixturevalue("store")
    else:
        made = redis_store(request.getfixturevalue("server"))
        yield made
        made.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    made = MemoryStore(tmp_path, capacity=MINIMUM, clock=clock)
    yield made
    made.close()


@pytest.mark.parametrize("key", [b"", b"x" * (KEY_MAX + 1)])
def test_keys_have_a_length(any_store, key):
    calls = [
        lambda: any_store.get(key), lambda: any_store.set(key, b"", None),
        lambda: any_store.set_if_absent(key, b"", None),
        lambda: any_store.compare_and_set(key, b"", b"", None), lambda: any_store.delete(key),
        lambda: any_store.incr(key, 1, None), lambda: any_store.expire(key, 1),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(ValueError, match="1 to 480 bytes"):
            call()


def test_values_have_a_limit(any_store):
    any_store.set(b"k", b"x" * VALUE_MAX, None)
    assert any_store.get(b"k") == b"x" * VALUE_MAX
    with pytest.raises(ValueError, match="at most 1048576 bytes"):
        any_store.set(b"k", b"x" * (VALUE_MAX + 1), None)


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), TTL_MAX * 2])
def test_a_ttl_makes_sense(any_store, ttl):
    with pytest.raises(ValueError, match="ttl"):
        any_store.set(b"k", b"v", ttl)
    with pytest.raises(ValueError, match="ttl"):
        any_store.expire(b"k", ttl)


@pytest.mark.parametrize("value", [b"", b"-", b"1_0", b" 1", b"+1", b"1" * 20, b"x", b"--1"])
def test_only_numbers_are_added_to(any_store, value):
    any_store.set(b"k", value, None)
    with pytest.raises(ValueError, match="decimal number"):
        any_store.incr(b"k", 1, None)
    assert any_store.get(b"k") == value


def test_sums_stay_inside_64_bits(any_store):
    assert any_store.incr(b"k", 2**63 - 1, None) == 2**63 - 1
    with pytest.raises(ValueError, match="64 bits"):
        any_store.incr(b"k", 1, None)
    assert any_store.get(b"k") == b"9223372036854775807"


def test_an_end_is_exact(store, clock):
    store.set(b"k", b"v", 1.5)
    clock.now += 1_499_999_999
    assert store.get(b"k") == b"v"
    clock.now += 1
    assert store.get(b"k") is None
    assert store.set_if_absent(b"k", b"w", None)


def test_a_counter_keeps_its_first_end(store, clock):
    store.incr(b"k", 1, 1)
    clock.now += SECOND // 2
    assert store.incr(b"k", 1, 1) == 2
    clock.now += SECOND // 2
    assert store.incr(b"k", 1, 1) == 1


def test_scanning_goes_on_while_keys_come_and_go(any_store):
    for number in range(1000):
        any_store.set(b"k%03d" % number, b"", None)
    seen = []
    for key in any_store.scan(b"k"):
        seen.append(key)
        any_store.delete(key)
        any_store.set(b"j" + key, b"", None)
    assert sorted(seen) == [b"k%03d" % number for number in range(1000)]
    assert any_store.clear(b"jk") == 1000


def test_a_full_store_throws_out_the_over_then_what_ends_next(store, clock):
    value = b"x" * 60_000
    store.set(b"forever", value, None)
    for number in range(100):
        store.set(b"over%d" % number, value, 1)
    clock.now += 2 * SECOND
    for number in range(90):
        store.set(b"late%02d" % number, value, 1000 - number)
    assert len(list(store.scan(b"late"))) == 90  # those that were over made room
    for number in range(200):
        store.set(b"new%03d" % number, value, 2000 + number)
    assert list(store.scan(b"late")) == []
    left = [int(key[3:]) for key in store.scan(b"new")]
    assert left == list(range(left[0], 200))  # what ends last is left, without gaps
    assert len(left) > 150
    assert store.get(b"forever") == value
    assert_tables_agree(store)


def test_a_store_full_of_what_has_no_end_says_so_and_lives_on(store):
    value = b"x" * 500_000
    store.set(b"session", b"s", 60)
    with pytest.raises(StoreFullError, match="without an end"):
        for number in range(100):
            store.set(b"k%d" % number, value, None)
    count = len(list(store.scan(b"k")))
    assert 20 < count < 33
    assert store.get(b"k0") == value
    assert store.delete(b"k0")
    store.set(b"k0", value, None)


def test_large_and_small_values_in_a_full_store(store):
    for number in range(3000):
        store.set(b"small%d" % (number % 1700), b"x" * (number % 3000), 1000 + number)
        if number % 50 == 0:
            store.set(b"large%d" % (number % 9), b"y" * (VALUE_MAX - number), 5000 + number)
    assert store.get(b"large%d" % (2950 % 9)) == b"y" * (VALUE_MAX - 2950)
    assert_tables_agree(store)


def test_a_store_too_small_is_refused(tmp_path):
    with pytest.raises(ValueError, match="needs at least"):
        MemoryStore(tmp_path, capacity=MINIMUM - 1)


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(StoreUnavailableError, match="cannot open the memory store"):
        MemoryStore(tmp_path / "missing").get(b"k")


def test_nobody_else_reads_the_file(store, tmp_path):
    store.set(b"k", b"v", None)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_processes_share_a_store_opened_before_the_fork(store):
    store.set(b"parent", b"1", None)

    def child():
        store.set(b"child", b"2", None)
        return store.get(b"parent") == b"1" and store.incr(b"n", 5, None) == 5

    assert run_all([child]) == [0]
    assert store.get(b"child") == b"2"
    assert store.incr(b"n", 1, None) == 6
    assert run_all([child]) == [2]  # the sum is 11 by now
    assert store.get(b"n") == b"11"


def test_a_full_file_system_is_an_error_and_the_store_lives_on(store):
    def child():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))
        store.set(b"k", b"x" * 1000, None)
        for number in range(10):
            try:
                store.set(b"large%d" % number, b"x" * VALUE_MAX, None)
            except StoreUnavailableError as error:
                return (
                    "cannot write to the memory store" in str(error)
                    and store.get(b"k") == b"x" * 1000
                    and store.delete(b"large0")
                )
        return False

    assert run_all([child]) == [0]
    store.set(b"large0", b"x" * VALUE_MAX, None)
    assert_tables_agree(store)


def test_a_reader_killed_while_it_reads_pins_no_room(store):
    store.set(b"k", b"v", None)
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        transaction = store._opened()._env.begin()
        os.write(told, b"x")
        signal.pause()  # holds `transaction` until killed
        os._exit(int(transaction.id() < 0))
    assert os.read(ready, 1) == b"x"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(told)
    for number in range(100):  # six times the file, written over and over
        store.set(b"k", b"x" * (VALUE_MAX - number), None)


def test_a_reader_that_reads_on_and_on_costs_room_and_nothing_else(store):
    store.set(b"other", b"v", None)
    with store._opened()._env.begin(), pytest.raises(StoreFullError, match="no room in one piece"):
        for number in range(100):
            store.set(b"k", b"x" * (VALUE_MAX - number), None)
    store.set(b"k", b"x", None)
    assert (store.get(b"k"), store.get(b"other")) == (b"x", b"v")


@pytest.mark.parametrize("method", ["get", "scan", "delete"])
def test_a_broken_environment_is_an_error_once(store, method):
    store.set(b"k", b"v", None)
    store._opened().close()
    with pytest.raises(StoreUnavailableError, match="the memory store"):
        list(getattr(store, method)(b"k"))
    assert store.get(b"k") == b"v"


def test_the_default_clock_is_one_for_all_processes(tmp_path):
    store = MemoryStore(tmp_path)
    store.set(b"k", b"v", 3600)
    store.close()
    assert run_all([lambda: MemoryStore(tmp_path).get(b"k") == b"v"]) == [0]


def test_lmdb_is_imported_when_a_store_is_opened():
    text = (
        "import sys, pathlib, gateway.state as shared\n"
        "store = shared.MemoryStore(pathlib.Path(sys.argv[1]))\n"
        "assert 'lmdb' not in sys.modules\n"
        "store.get(b'k')\n"
        "assert 'lmdb' in sys.modules\n"
    )
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([sys.executable, "-c", text, directory], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_index_rows_fit_the_longest_key(tmp_path):
    with lmdb.open(str(tmp_path)) as env:
        assert env.max_key_size() >= 8 + KEY_MAX


def test_who_is_killed_while_the_file_is_made_leaves_none(tmp_path, monkeypatch):
    """tmpfs writes page by page, and a kill may come between two of them."""

    def half(path, **_):
        Path(path).write_bytes(bytes(4096))
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        monkeypatch.setattr(lmdb, "open", half)
        try:
            MemoryStore(tmp_path).set(b"k", b"v", None)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    store = MemoryStore(tmp_path)
    store.set(b"k", b"v", None)
    assert store.get(b"k") == b"v"
    store.close()


def test_who_makes_the_file_second_takes_the_first_ones(tmp_path, monkeypatch):
    first, second = MemoryStore(tmp_path), MemoryStore(tmp_path)
    exists = Path.exists
    first.set(b"k", b"v", None)
    first.close()
    monkeypatch.setattr(Path, "exists", lambda path: False if path.name == "store.mdb" else exists(path))
    assert second.get(b"k") == b"v"
    assert {path.name for path in tmp_path.iterdir()} <= {"store.mdb", "store.mdb-lock"}
    second.close()
