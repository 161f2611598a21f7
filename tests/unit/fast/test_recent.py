"""What was seen lately: failures are the last ones and never torn, clients as the oracle counts them."""

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.atomics import Memory
from gateway._fast.recent import ENTRIES, EVERY, KEPT, SAMPLES, Recent
from gateway.exchange import Exchange
from tests.oracles import meter_oracle
from tests.support.forks import children

ADDRESS = st.sampled_from(["192.0.2.1", "2001:db8::1", "", "x" * 47, "x" * 48]) | st.integers(0, 99).map(
    "10.0.0.{}".format
)


def recent(slots=2, memory=None):
    return Recent(memory or Memory(mmap.mmap(-1, Recent.bytes_for(slots))), slots)


def exchange(request_id="r", upstream=None, method="GET"):
    made = Exchange(method, "/", [], {}, 0.0)
    made.request_id, made.upstream, made.client = request_id, upstream, "192.0.2.1"
    return made


@given(st.lists(ADDRESS, max_size=300))
def test_clients_as_the_oracle_counts_them(addresses):
    fast, slow = recent(), meter_oracle.Clients()
    for address in addresses:
        fast.see(address)
        slow.see(address)
    assert fast.clients() == slow.shown()


def test_counts_are_halved_and_who_is_often_there_stays():
    fast, slow = recent(), meter_oracle.Clients()
    for number in range(3 * SAMPLES):
        address = "192.0.2.9" if number % 3 == 0 else f"10.0.{number % 251}.{number % 241}"
        fast.see(address)
        slow.see(address)
    assert fast.clients() == slow.shown()
    assert max(fast.clients(), key=fast.clients().get) == "192.0.2.9"
    assert len(fast.clients()) <= ENTRIES


def test_clients_of_all_workers():
    memory = Memory(mmap.mmap(-1, Recent.bytes_for(2)))
    one, other = recent(memory=memory), recent(memory=memory)
    one.claim(0)
    other.claim(1)
    one.see("192.0.2.1")
    other.see("192.0.2.1")
    other.see("192.0.2.2")
    assert recent(memory=memory).clients() == {"192.0.2.1": 2 * EVERY, "192.0.2.2": EVERY}


def test_the_last_failures():
    made = recent()
    made.claim(1)
    for number in range(100):
        made.note(exchange(f"bad-{number}", "up", "POST"), 1000.0 + number, "item", 503, "no-target")
    for number in range(3):
        made.note(exchange(f"odd-{number}"), 500.5, "", 404, "route-not-found")
    found = sorted(made.failures(), reverse=True)
    assert found[:KEPT] == [
        (1099.0 - number, f"bad-{99 - number}", "POST", "item", "up", 503, "no-target") for number in range(KEPT)
    ]
    assert found[KEPT:] == [(500.5, f"odd-{2 - number}", "GET", "", "", 404, "route-not-found") for number in range(3)]


def test_client_errors_do_not_push_out_those_of_the_gateway():
    made = recent()
    made.note(exchange("bad"), 1.0, "item", 500, "internal")
    for _ in range(1000):
        made.note(exchange(), 2.0, "", 404, "route-not-found")
    assert (1.0, "bad", "GET", "item", "", 500, "internal") in made.failures()


def test_long_texts_are_cut_and_what_is_no_text_is_refused():
    made = recent()
    made.note(exchange("i" * 500, "u" * 500, "M" * 500), 1.0, "r" * 500, 500, "e" * 500)
    assert made.failures() == [(1.0, "i" * 128, "M" * 16, "r" * 80, "u" * 80, 500, "e" * 48)]
    with pytest.raises(TypeError):
        made.note(exchange(5), 1.0, "", 500, None)
    assert len(made.failures()) == 1


def test_nobody_sees_a_torn_record():
    """A writer is killed again and again; each record that is read was written whole."""
    memory = Memory(mmap.mmap(-1, Recent.bytes_for(2)))
    reader = recent(memory=memory)
    for turn in range(12):
        with children([lambda turn=turn: _write_forever(memory, turn)]):
            seen = 0
            while seen < 300:
                seen += 1
                for at, request_id, method, route, upstream, status, error in reader.failures():
                    assert {request_id[-1], method[-1], route[-1], upstream[-1], error[-1]} == {str(status % 10)}, (
                        request_id
                    )
                    assert at == status
                assert all(count % EVERY == 0 for count in reader.clients().values())
    last = recent(memory=memory)
    last.claim(0)
    for number in range(KEPT):
        last.note(exchange(f"x{number}1", "1", "1"), 501.0, "1", 501, "1")
    assert sum(row[0] == 501.0 and row[1].startswith("x") for row in last.failures()) == KEPT


def _write_forever(memory, turn):
    mine = recent(memory=memory)
    mine.claim(0)
    number = turn
    while True:
        number += 1
        digit = str(number % 10)
        made = exchange("i" * (number % 90) + digit, "u" * (number % 60) + digit, digit)
        mine.note(
            made, 500.0 + number % 10, "r" * (number % 70) + digit, 500 + number % 10, "e" * (number % 40) + digit
        )
        mine.see(f"10.0.0.{number % 200}")


def test_what_is_there_must_be_of_the_same_make():
    memory = Memory(mmap.mmap(-1, Recent.bytes_for(4)))
    recent(4, memory)
    with pytest.raises(ValueError, match="another layout or size"):
        recent(2, memory)
    with pytest.raises(ValueError, match="here are 8"):
        recent(2, Memory(bytearray(8)))
    with pytest.raises(IndexError, match="no slot 4 of 4"):
        recent(4, memory).claim(4)
