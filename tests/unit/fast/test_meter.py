"""The meter: against its oracle, by many processes at once, and when there is no room."""

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import exchange as bits
from gateway._fast.atomics import Memory
from gateway._fast.histogram import Histogram
from gateway._fast.metrics import HEDGE, OTHER, RETRY, ROUTE, TARGET, UPSTREAM, Call, Meter, Route
from gateway.errors import CIRCUIT_OPEN, GatewayError
from gateway.exchange import Exchange, Response
from tests.oracles import meter_oracle
from tests.support.forks import children, run_all, spin

REQUEST = st.tuples(
    st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "get"]),
    st.none() | st.sampled_from([100, 101, 200, 204, 304, 404, 499, 500, 599, 999, 42]),
    st.sampled_from([None, None, None, "no-target", "rate-limited", "of-a-plugin"]),
    st.integers(0, 1023),
    st.integers(0, 1 << 40),
    st.floats(-0.001, 100),
    st.floats(0, 100) | st.just(0.0),
)


def meter(capacity=64, slots=4, stripes=2, memory=None):
    return Meter(memory or Memory(mmap.mmap(-1, Meter.bytes_for(capacity, slots, stripes))), capacity, slots, stripes)


def exchange(method="GET", status=200, error=None, marks=0, sent=0, waited=0.0):
    made = Exchange(method, "/", [], {}, 100.0)
    made.response = None if status is None else Response(status, [])
    made.error, made.marks, made.sent, made.upstream_time = error, marks, sent, waited
    made.client, made.request_id = "192.0.2.1", "r"
    return made


def rows(made):
    return {(kind, name): rest for kind, name, *rest in made.read()}


@given(st.lists(st.tuples(st.sampled_from(["one", "two"]), st.integers(-1, 3), REQUEST), max_size=40))
def test_as_the_oracle_counts(requests):
    """Whichever worker a request ends in, the sums are the same."""
    memory = Memory(mmap.mmap(-1, Meter.bytes_for(64, 4, 2)))
    views = [meter(memory=memory) for _ in range(5)]
    for slot, view in enumerate(views[1:]):
        view.claim(slot)
    fast = [{name: Route(view, name) for name in ("one", "two")} for view in views]
    slow = {name: meter_oracle.Route() for name, _, _ in requests}
    for name, slot, (method, status, error, marks, sent, whole, waited) in requests:
        made = exchange(method, status, error, marks, sent, waited)
        route = fast[slot + 1][name]
        assert route.begin(made) is None
        assert route.end_at(made, 100.0 + whole, 1.0) is None
        slow[name].end(method, status, error, marks, sent, 100.0 + whole - 100.0, waited)
    found = rows(views[0])
    assert set(found) == {(ROUTE, name) for name in slow}
    for name, oracle in slow.items():
        in_flight, words, errors, times = found[ROUTE, name]
        assert in_flight == 0
        assert words == {word: count for word, count in oracle.words.items() if count}
        assert errors == dict(oracle.errors)
        assert times == tuple(map(Histogram, oracle.times))


def test_marks_are_what_the_exchange_says():
    names = ("CACHE_HIT", "CACHE_MISS", "CACHE_STALE", "CACHE_BYPASS", "LIMIT_SHADOW", "RETRIED", "HEDGED", "MIRRORED")
    assert [getattr(bits, name) for name in names] == [1 << bit for bit in range(8)]
    assert (bits.BESIDE, bits.LIMIT_ALONE) == (1 << 8, 1 << 9)


def test_on_their_way_by_worker():
    memory = Memory(mmap.mmap(-1, Meter.bytes_for(64, 4, 2)))
    one, other = meter(memory=memory), meter(memory=memory)
    one.claim(0)
    other.claim(3)
    first, second = Route(one, "r"), Route(other, "r")
    for _ in range(3):
        first.begin(exchange())
    second.begin(exchange())
    assert rows(one)[ROUTE, "r"] == [4, {}, {}, (Histogram(),) * 3], "nothing has ended, and it is there"
    other.forget(0)
    assert rows(one)[ROUTE, "r"][0] == 1
    first.end(exchange())
    assert rows(one)[ROUTE, "r"][0] == 1, "never below none"
    other.release()
    assert rows(one)[ROUTE, "r"][0] == 0
    with pytest.raises(IndexError, match="no slot 4 of 4"):
        one.forget(4)


def test_a_failed_hook_leaves_nothing_on_its_way():
    made = meter()
    route, broken = Route(made, "r"), exchange()
    route.begin(broken)
    del broken.response
    with pytest.raises(AttributeError):
        route.end(broken)
    assert ROUTE not in {kind for kind, _ in rows(made)}


def test_tries():
    made = meter()
    call = Call(made, "up", "up\0127.0.0.1:1".replace("\0127", "\0" + "127"))
    answers = iter(
        [Response(200, []), Response(503, []), GatewayError(CIRCUIT_OPEN), Response(200, []), KeyboardInterrupt()]
    )
    seen = []

    def send(*arguments):
        seen.append((arguments, rows(made)[UPSTREAM, "up"][0]))
        answer = next(answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def ask(marks):
        return call.through(send, exchange(marks=marks), "target", b"first", 0.0)

    assert ask(0).status == 200
    assert ask(bits.RETRIED | bits.CACHE_MISS).status == 503
    with pytest.raises(GatewayError):
        ask(bits.RETRIED)
    assert ask(bits.RETRIED | bits.HEDGED | bits.BESIDE).status == 200
    with pytest.raises(KeyboardInterrupt):
        ask(bits.HEDGED)
    assert seen[0][0][1:] == ("target", b"first", 0.0)
    assert [in_flight for _, in_flight in seen] == [1] * 5
    in_flight, words, errors, times = rows(made)[UPSTREAM, "up"]
    assert (in_flight, words, errors) == (0, {1: 2, 4: 1, 48 + RETRY: 2, 48 + HEDGE: 1}, {"circuit-open": 1})
    assert times[0].count == 3, "to the heads of answers"
    assert rows(made)[TARGET, "up\0" + "127.0.0.1:1"][1:] == [words, errors, times]


def test_without_room_counts_go_to_the_others():
    made = meter(capacity=8)
    routes = [Route(made, f"r{number}") for number in range(7)]
    for route in routes:
        route.begin(exchange())
        route.end(exchange())
    found = rows(made)
    assert {name for _, name in found} == {"r0", "r1", "r2", "r3", "r4", OTHER}
    assert found[ROUTE, OTHER][1] == {1: 2}
    assert made.overflow == 2
    call = Call(made, "u", "t")
    call.through(lambda *_: Response(200, []), exchange(), None, b"", 0.0)
    assert made.overflow == 4
    assert rows(made)[UPSTREAM, OTHER][1] == rows(made)[TARGET, OTHER][1] == {1: 1}


def test_errors_without_a_number_of_their_own():
    made = meter()
    made.name_errors(tuple(f"error-{number}" for number in range(200)))
    route = Route(made, "r")
    for slug in ("error-0", "error-126", "error-127", "error-199", "never-seen"):
        route.end(exchange(error=slug))
    assert rows(made)[ROUTE, "r"][2] == {"error-0": 1, "error-126": 1, OTHER: 3}


def test_memory_is_used_for_what_is_counted_only():
    size = Meter.bytes_for(4096, 256, 16)
    memory = mmap.mmap(-1, size)
    made = meter(4096, 256, 16, Memory(memory))
    for number in range(1000):
        made.series_of(ROUTE, f"route-{number}")
    route = Route(made, "route-7")
    for number in range(1000):
        route.end_at(exchange(), 100.0 + number * 1e-4, 1.0)
    made.read()
    assert size > 1 << 30
    assert resident_of(memory, size) < 1 << 20


def resident_of(memory, size):
    """Bytes of a map that are in use."""
    with open("/proc/self/smaps") as lines:
        for line in lines:
            first, _, last = line.split(" ")[0].partition("-")
            if last and all(c in "0123456789abcdef" for c in first) and int(last, 16) - int(first, 16) >= size:
                for each in lines:
                    if each.startswith("Rss:"):
                        return int(each.split()[1]) * 1024
    raise AssertionError("the map is not there")


def test_what_is_there_must_be_of_the_same_make():
    memory = Memory(mmap.mmap(-1, Meter.bytes_for(64, 4, 2)))
    meter(memory=memory)
    with pytest.raises(ValueError, match="another layout or size"):
        Meter(memory, 32, 4, 2)
    with pytest.raises(ValueError, match="a meter of 4 series, 4 slots and 2 stripes"):
        Meter.bytes_for(4, 4, 2)
    with pytest.raises(ValueError, match="here are 64"):
        Meter(Memory(bytearray(64)), 64, 4, 2)


def counting(memory, slot, rounds):
    view = meter(memory=memory)
    view.claim(slot)
    route, one = Route(view, "r"), exchange(sent=3)
    for _ in range(rounds):
        route.begin(one)
        route.end(one)


def test_sums_of_processes_that_share_stripes_are_exact():
    memory = Memory(mmap.mmap(-1, Meter.bytes_for(64, 4, 2)))
    assert run_all([lambda slot=slot: counting(memory, slot, 20_000) for slot in range(4)]) == [0] * 4
    _, words, _, times = rows(meter(memory=memory))[ROUTE, "r"]
    assert words == {1: 80_000, 48: 240_000}
    assert (times[0].count, times[2].count) == (80_000, 80_000)


def test_a_killed_process_leaves_sums_of_whole_requests_but_one():
    memory = Memory(mmap.mmap(-1, Meter.bytes_for(64, 4, 2)))
    view = meter(memory=memory)
    for turn in range(10):
        with children([lambda slot=turn % 4: counting(memory, slot, 1 << 40)]):
            spin(lambda most=1000 * turn: sum(rows(view).get((ROUTE, "r"), [0, {}])[1].values()) >= most)
        view.forget(turn % 4)
        in_flight, words, _, times = rows(view)[ROUTE, "r"] if turn else [0, {1: 0}, {}, (Histogram(),)]
        assert in_flight == 0
        assert 0 <= times[0].count - words[1] <= turn + 1
