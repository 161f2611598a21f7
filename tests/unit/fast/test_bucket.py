"""Token buckets in one process: against their oracles, what they promise, and what a killed process may leave."""

import mmap
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.atomics import Memory
from gateway._fast.token_bucket import Buckets, Rate, Tells, least
from gateway.exchange import Response
from tests.exchanges import exchange
from tests.oracles import bucket_oracle

BLOCK = 32
AT = 1_000_000_000
SECOND = 1_000_000_000
TOP_NS = 2**61 - 1
KEYS = st.sampled_from([1, 2, 3, 2**63, 2**64 - 1]) | st.integers(1, 45)
SHAPES = st.sampled_from([(10, 50), (10, 10), (7, 700), (1, 0), (1000, 3000), (250, 1000)])
STEPS = st.sampled_from([0, 0, 1, 9, 10, 11, 100, 5000, -1, -50])
ACTS = st.tuples(
    st.sampled_from(["take", "debit", "draw"] * 3 + ["give", "charge", "refund", "left", "reset"]),
    KEYS,
    SHAPES,
    st.integers(0, 6),
    STEPS,
)


def table(capacity=BLOCK):
    """Buckets and the memory they lie in."""
    memory = mmap.mmap(-1, Buckets.bytes_for(capacity))
    return Buckets(Memory(memory), 0, len(memory)), memory


def place(number):
    return Buckets.bytes_for(1) - 16 * BLOCK + 16 * number


def put(memory, number, key, tat):
    struct.pack_into("<Qq", memory, place(number), key, tat)


def entries(memory):
    return [pair for pair in struct.iter_unpack("<Qq", memory[place(0) :]) if pair[0]]


def act(buckets, name, key, shape, cost, now):
    interval, tolerance = shape
    if name == "take":
        return buckets.take(key, interval, tolerance, cost, now)
    if name in ("debit", "draw"):
        cost = max(1, min(cost, tolerance // interval))
        if name == "debit" or tolerance < interval or isinstance(buckets, bucket_oracle.Buckets):
            return buckets.debit(key, interval, tolerance, cost, now)
        return buckets.draw(key, Rate("n", interval, tolerance // interval, cost, True), now)
    if name in ("charge", "refund"):
        return buckets.charge(key, interval, cost if name == "charge" else -cost, now)
    if name == "give":
        return buckets.give(key, interval, cost, now)
    if name == "left":
        return buckets.left(key, interval, tolerance, now)
    return buckets.reset(key)


@given(st.lists(ACTS, max_size=200))
def test_all_is_as_in_the_oracle(acts):
    """With a clock that also goes back, and more keys than there is room for."""
    (fast, memory), slow, now = table(), bucket_oracle.Buckets(BLOCK), AT
    for name, key, shape, cost, step in acts:
        now += step
        assert act(fast, name, key, shape, cost, now) == act(slow, name, key, shape, cost, now)
    assert dict(entries(memory)) == slow.entries
    assert (fast.used, fast.overflowed) == (len(slow.entries), slow.overflowed)
    assert fast.owing(now) == len(slow.top(BLOCK, now))
    assert [tat for _, tat in fast.top(5, now)] == [tat for _, tat in slow.top(5, now)]


@given(st.lists(st.integers(1, 200), min_size=33, max_size=300), st.integers(0, 40), st.integers(0, 2000))
def test_a_crowd_is_as_in_the_oracle(keys, step, late):
    (fast, _), slow, now = table(), bucket_oracle.Buckets(BLOCK), AT
    for key in keys:
        now += step
        assert fast.take(key, 100, 500, 1, now) == slow.take(key, 100, 500, 1, now)
        assert fast.left(key, 100, 500, now) == slow.left(key, 100, 500, now)
        assert fast.left(key + 1, 100, 500, now - late) == slow.left(key + 1, 100, 500, now - late)
    assert fast.overflowed == slow.overflowed


NAMES = st.text("abc.-_9", max_size=12)
POLICY = ("RateLimit-Policy", '"n";q=5;w=1')
RATES = st.tuples(
    *(NAMES, st.integers(1, 10**12), st.integers(1, 10**6), st.integers(1, 10**6), st.booleans()),
    *(st.just(POLICY), st.integers(0, 3)),
)


@given(st.lists(st.tuples(RATES, st.integers(0, 2**61)), max_size=5), st.integers(0, 2**62), st.integers(0, 2**62))
def test_what_is_told_is_as_in_the_oracle(rows, left, wait):
    rows = [
        ((name, interval, burst, min(cost, burst), *more), debt) for (name, interval, burst, cost, *more), debt in rows
    ]
    fast = [(Rate(*rate), debt) for rate, debt in rows]
    slow = [(bucket_oracle.Rate(*rate), debt) for rate, debt in rows]
    for (one, debt), (other, _) in zip(fast, slow, strict=True):
        assert one.told(left, wait) == other.told(left, wait)
        assert list(one.fields(left, wait)) == other.fields(left, wait)
        assert (one.left(debt), one.tolerance, one.units) == (other.left(debt), other.tolerance, other.units)
    found, at = least([(0, 0, rate, 0, 0, debt) for rate, debt in fast]), bucket_oracle.least(slow)
    assert (found is None) == (at is None)
    response, state = Response(200, [("A", "b")]), {"room": [(0, 0, rate, 0, 0, debt) for rate, debt in fast]}
    Tells("room")(exchange(state=state), response)
    expected = []
    if found is not None and at is not None:
        assert found == (fast[at][0], slow[at][0].left(rows[at][1]), rows[at][1])
        expected = slow[at][0].fields(found[1], found[2])
    assert response.headers == [("A", "b"), *expected]


@pytest.mark.parametrize("state", [None, {}, {"room": []}, {"other": [1]}])
def test_who_asked_nothing_is_told_nothing(state):
    response = Response(200, [])
    Tells("room")(exchange(state=state), response)
    assert response.headers == []


@pytest.mark.parametrize(("burst", "cost"), [(0, 1), (5, 0), (5, 6), (2**62, 1), (-1, -1)])
def test_a_rate_that_nothing_can_pass_is_refused(burst, cost):
    with pytest.raises(ValueError, match="a burst of"):
        Rate("n", 100, burst, cost, True)
    with pytest.raises(ValueError, match="an interval of"):
        Rate("n", 0, 1, 1, True)


def test_least_takes_no_other_tuples():
    with pytest.raises(TypeError):
        least([5])
    with pytest.raises(IndexError):
        least([(1, 2)])
    for wrong in ("rate", None):
        with pytest.raises(TypeError):
            least([(0, 0, wrong, 0, 0, 1)])


@given(
    st.integers(1, 1000),
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5000), st.booleans()), max_size=60),
)
def test_it_is_a_token_bucket(interval, burst, takes):
    """GCRA by TATs and a bucket of tokens say the same: what is taken, how long to wait, what is left."""
    (fast, _), slow, now = table(), bucket_oracle.TokenBucket(interval, burst), AT
    slow.at = now
    for cost, step, refunds in takes:
        now += step
        answer = fast.take(1, interval, burst * interval, cost, now)
        assert answer == slow.take(cost, now)
        if refunds and not answer:
            fast.give(1, interval, cost, now)
            slow.give(cost, now)
        assert fast.left(1, interval, burst * interval, now) == slow.left(now)


@given(
    st.sampled_from([1, 7, 100]),
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(1, 70), st.integers(0, 3), st.integers(-40, 60)), min_size=1, max_size=300),
)
def test_no_window_ever_admits_more_than_rate_and_burst(interval, burst, takes):
    """For every key and every two admissions, in a table with too little room and a clock that goes back."""
    (fast, _), now, admitted = table(), AT, {}
    for key, cost, step in takes:
        now += step
        if fast.take(key, interval, burst * interval, cost, now) == 0:
            admitted.setdefault(key, []).append((now, cost))
    for those in admitted.values():
        for first in range(len(those)):
            total = 0
            for last in range(first, len(those)):
                total += those[last][1]
                span = max(at for at, _ in those[: last + 1]) - those[first][0]
                assert total * interval <= span + burst * interval


def test_what_is_refused_takes_nothing_and_waits_exactly_so_long():
    fast, memory = table()
    assert [fast.take(5, 100, 300, 1, AT) for _ in range(3)] == [0, 0, 0]
    before = bytes(memory)
    assert fast.take(5, 100, 300, 1, AT) == 100
    assert fast.take(5, 100, 300, 3, AT + 1) == 299
    assert fast.take(5, 100, 300, 4, AT) == -1
    assert bytes(memory) == before
    assert fast.take(5, 100, 300, 3, AT + 299) == 1
    assert fast.take(5, 100, 300, 3, AT + 300) == 0


@given(st.lists(st.sampled_from([1, 2, 2, 2, 3, 3]), max_size=200))
def test_what_some_keys_do_takes_nothing_from_another(keys):
    """Key 1 gets what it would have got alone, however hard others push."""
    crowded, alone = table()[0], table()[0]
    for at, key in enumerate(keys):
        now = AT + at * SECOND // 3
        got = crowded.take(key, SECOND, 2 * SECOND, 1, now)
        if key == 1:
            assert got == alone.take(1, SECOND, 2 * SECOND, 1, now)


def test_a_key_that_is_refused_at_once_leaves_no_entry():
    fast, _ = table()
    assert fast.take(5, 100, 300, 4, AT) == -1
    assert fast.take(5, 100, 0, 0, AT) == 0
    assert fast.used == 0


@given(st.integers(1, 5), st.integers(0, 900))
def test_a_refund_restores(cost, later):
    fast, _ = table()
    fast.take(5, 100, 1000, 3, AT)
    before = fast.left(5, 100, 1000, AT + later)
    assert fast.take(5, 100, 1000, cost, AT + later) == 0
    fast.give(5, 100, cost, AT + later)
    assert fast.left(5, 100, 1000, AT + later) == before


def test_no_refund_fills_more_than_there_is():
    fast, _ = table()
    fast.take(5, 100, 300, 2, AT)
    for cost in (1, 50, 2**62):
        fast.give(5, 100, cost, AT + 7)
    fast.give(6, 100, 5, AT)
    assert fast.left(5, 100, 300, AT + 7) == (3, 0)
    assert [fast.take(5, 100, 300, 1, AT + 7) for _ in range(4)] == [0, 0, 0, 100]


def test_no_debt_is_forgiven_by_a_crowd():
    """Everyone in the table owes: whoever comes then shares, and those that owe still do."""
    fast, _ = table()
    for key in range(1, BLOCK + 1):
        assert fast.take(key, 100, 200, 2, AT) == 0
    for key in range(1000, 1100):
        fast.take(key, 100, 200, 1, AT)
    assert fast.overflowed == 100
    assert {fast.left(key, 100, 200, AT) for key in range(1, BLOCK + 1)} == {(0, 200)}
    assert {fast.take(key, 100, 200, 1, AT) for key in range(1, BLOCK + 1)} == {100}
    assert {fast.left(key, 100, 200, AT) for key in range(1000, 1100)} == {(0, 200)}, "two of them took all"


def test_who_shared_still_owes_with_an_entry_of_its_own():
    fast, _ = table()
    for key in range(1, BLOCK + 1):
        fast.take(key, 100, 200, 1, AT)
    assert [fast.take(99, 100, 500, 1, AT) for _ in range(6)] == [0, 0, 0, 0, 0, 100]
    assert fast.take(99, 100, 500, 1, AT + 100) == 0, "the others are full, so there is room"
    assert fast.reset(99)
    assert fast.take(98, 100, 500, 2, AT + 100) == 100


def test_who_lost_its_entry_owes_to_a_clock_that_went_back():
    fast, _ = table()
    assert fast.take(99, 100, 500, 5, AT) == 0
    for key in range(1, BLOCK + 1):
        assert fast.take(key, 100, 500, 1, AT + 500) == 0
    assert dict(fast.top(BLOCK, AT)).keys() == set(range(1, BLOCK + 1))
    assert fast.take(99, 100, 500, 1, AT) > 0


def test_limits_of_other_rates_share_other_buckets():
    fast, _ = table()
    for key in range(1, BLOCK + 1):
        fast.take(key, SECOND, 60 * SECOND, 60, AT)
    assert fast.take(98, SECOND, 60 * SECOND, 60, AT) == 0
    assert fast.take(99, SECOND, 60 * SECOND, 1, AT) == SECOND
    assert fast.take(99, 100, 500, 1, AT) == 0


@pytest.mark.thorough
def test_more_keys_than_anyone_has_in_memory_that_does_not_grow():
    """A million of them, each of which owes for a moment."""
    fast, _ = table(65_536)
    for key in range(1, 1_000_001):
        assert fast.take(key, 50, 100, 1, AT + key) == 0
    assert fast.overflowed == 0
    assert 65_000 < fast.used <= fast.capacity == 65_536
    assert fast.owing(AT + 1_000_000) < 51


def test_a_table_that_is_half_full_of_debts_has_room_for_nearly_all():
    fast, _ = table(65_536)
    refused = sum(fast.take(key, SECOND, SECOND, 1, AT) > 0 for key in range(1, 32_769))
    assert refused < 100 and fast.overflowed < 100, "a shared bucket is that of several blocks"
    assert 32_668 < fast.owing(AT) <= 32_768


def test_the_top_are_those_that_owe_most():
    fast, _ = table(1000)
    for key in range(1, 501):
        fast.take(2**63 + key, 10, 100_000, key, AT)
    fast.give(2**63 + 500, 10, 499, AT)
    assert fast.top(3, AT) == [(2**63 + key, AT + 10 * key) for key in (499, 498, 497)]
    assert fast.top(2, AT + 4989) == [(2**63 + 499, AT + 4990)]
    assert (fast.top(0, AT), fast.top(-1, AT), len(fast.top(10_000, AT))) == ([], [], 500)


def test_a_reset_key_is_full_and_no_other_is():
    fast, _ = table()
    for key in (1, 2):
        fast.take(key, 100, 300, 3, AT)
    assert (fast.reset(1), fast.reset(1), fast.reset(7)) == (True, False, False)
    assert fast.left(1, 100, 300, AT) == (3, 0)
    assert fast.left(2, 100, 300, AT) == (0, 300)


# --- what a process leaves that was killed


@pytest.mark.parametrize("number", [0, 17, 31])
def test_a_claim_of_the_dead_is_finished_by_who_comes_next(number):
    fast, memory = table()
    put(memory, number, 5, -77)
    assert fast.left(5, 100, 300, AT) == (3, 0)
    fast.give(5, 100, 1, AT)
    assert not fast.reset(5)
    assert fast.take(5, 100, 300, 1, AT) == 0
    assert entries(memory) == [(5, AT + 100)]


def test_of_two_claims_one_stays():
    fast, memory = table()
    put(memory, 9, 5, -77)
    put(memory, 4, 5, -78)
    assert fast.take(5, 100, 300, 1, AT) == 0
    assert entries(memory) == [(5, AT + 100)]


def test_a_claim_beside_the_entry_counts_for_nothing():
    for number in range(BLOCK - 1):
        fast, memory = table()
        put(memory, number, 5, -77)
        put(memory, number + 1, 5, AT + 300)
        assert fast.take(5, 100, 300, 1, AT) == 100
        assert dict(entries(memory))[5] == AT + 300


def test_claims_of_the_dead_take_no_room():
    fast, memory = table()
    for number in range(BLOCK):
        put(memory, number, 1000 + number, -1 - number)
    for key in range(1, BLOCK + 1):
        assert fast.take(key, 100, 300, 1, AT) == 0
    assert (fast.overflowed, fast.owing(AT)) == (0, BLOCK)


# --- what cannot be


def test_buckets_that_others_made_are_the_same_ones():
    memory = mmap.mmap(-1, Buckets.bytes_for(100) + 16)
    one, two = (Buckets(Memory(memory), 16, len(memory) - 16) for _ in range(2))
    for _ in range(3):
        assert (one.take(7, 100, 600, 1, AT), two.take(7, 100, 600, 1, AT)) == (0, 0)
    assert two.take(7, 100, 600, 1, AT) == 100
    assert (one.capacity, two.capacity) == (128, 128)


def test_another_layout_is_not_misread():
    fast, memory = table(100)
    with pytest.raises(ValueError, match="another layout"):
        Buckets(Memory(memory), 0, Buckets.bytes_for(64))
    memory[6:8] = b"\2\0"
    with pytest.raises(ValueError, match="another layout"):
        Buckets(Memory(memory), 0, len(memory))
    assert fast.used == 0


@pytest.mark.parametrize(("start", "size"), [(-16, 8192), (0, 9000), (16, 8192), (0, -1)])
def test_memory_that_is_not_there(start, size):
    with pytest.raises(IndexError):
        Buckets(Memory(mmap.mmap(-1, 8192)), start, size)


@pytest.mark.parametrize(("start", "size"), [(8, 8000), (0, 0), (0, Buckets.bytes_for(1) - 1)])
def test_memory_that_does_not_do(start, size):
    with pytest.raises(ValueError, match=r"boundary of 16|hold no buckets"):
        Buckets(Memory(mmap.mmap(-1, 8192)), start, size)


@pytest.mark.parametrize(
    "arguments",
    [(0, 1, 1, 1, AT), (1, 0, 1, 1, AT), (1, -1, 1, 1, AT), (1, 1, -1, 1, AT), (1, 1, 1, -1, AT), (1, 1, 1, 1, -1),
     (1, TOP_NS + 1, 1, 1, AT), (1, 1, TOP_NS + 1, 1, AT), (1, 1, 1, 1, TOP_NS + 1)],
)  # fmt: skip
def test_numbers_that_cannot_be(arguments):
    fast, memory = table()
    with pytest.raises(ValueError, match=r"of -?[0-9]"):
        fast.take(*arguments)
    assert entries(memory) == []


@pytest.mark.parametrize("key", [-1, 2**64])
def test_keys_of_more_than_a_word(key):
    with pytest.raises(OverflowError):
        table()[0].take(key, 1, 1, 1, AT)


@pytest.mark.parametrize("capacity", [1, 32, 33, 4000, 4096, 4097, 4128, 65_536, 100_000])
def test_the_capacity_is_what_room_was_made_for(capacity):
    fast, memory = table(capacity)
    assert fast.capacity == -(-capacity // BLOCK) * BLOCK
    for more in (8, 16 * BLOCK - 8):
        assert Buckets(Memory(mmap.mmap(-1, len(memory) + more)), 0, len(memory) + more).capacity == fast.capacity


@pytest.mark.parametrize("capacity", [0, -1, 2**32 + 1])
def test_a_capacity_that_cannot_be(capacity):
    with pytest.raises(ValueError, match="capacity"):
        Buckets.bytes_for(capacity)


def test_the_largest_numbers_do_not_wrap():
    fast, _ = table()
    assert fast.take(1, TOP_NS, TOP_NS, 1, TOP_NS) == 0
    assert fast.take(1, TOP_NS, TOP_NS, 1, TOP_NS) == TOP_NS
    assert fast.take(1, TOP_NS, TOP_NS, 1, 0) == 2 * TOP_NS
    assert fast.take(2, 1, TOP_NS, 2**63 - 1, AT) == -1
    assert fast.left(1, TOP_NS, TOP_NS, 0) == (0, 2 * TOP_NS)
