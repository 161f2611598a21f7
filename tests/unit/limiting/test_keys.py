"""Numbers of buckets: the same in every process, not to be foreseen, and remembered within bounds."""

from __future__ import annotations

import os
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ratelimit import keys
from gateway.ratelimit.keys import Keys, StoreKeys, begin, hash_secret, join, parts, store_key


def test_the_same_name_has_the_same_number_under_the_same_secret_only():
    assert Keys(b"a").number("x") == Keys(b"a").number("x") != Keys(b"b").number("x")
    assert 0 < Keys(b"a").number("x") < 2**64


def test_a_number_has_a_name_once_it_was_met():
    made = Keys(b"a")
    number = made.number(begin("routes/r/client", ("client",)) + "staff:alice")
    assert made.name(number) == ("routes/r/client", "staff:alice")
    assert made.name(number + 1) is None and Keys(b"a").name(number) is None


def test_what_is_remembered_is_bounded_and_numbers_stay(monkeypatch):
    monkeypatch.setattr(keys, "KEPT", 10)
    made = Keys(b"a")
    numbers = [made.number(begin("l", ("ip",)) + str(each)) for each in range(100)]
    assert numbers == [made.number(begin("l", ("ip",)) + str(each)) for each in range(100)]
    known = [number for number in numbers if made.name(number) is not None]
    assert 10 <= len(known) <= 20
    assert made.name(numbers[-1]) == ("l", "99")


def test_a_long_name_is_not_kept():
    made = Keys(b"a")
    name = begin("l", ("header:x",)) + "v" * 5000
    assert made.number(name) == made.number(name)
    assert made.name(made.number(name)) is None


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_joined_values_are_those_of_one_list_only(one, other):
    assert (join(one) == join(other)) == (one == other)


@given(st.text(st.characters(exclude_characters="")))
def test_any_text_has_a_number(text):
    assert Keys(b"a").number(text)


def test_one_secret_for_all_that_ask_at_once(tmp_path):
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def ask():
        barrier.wait()
        found.append(hash_secret(tmp_path))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1 and len(found[0]) == keys.SECRET_SIZE
    assert hash_secret(tmp_path) == found[0]
    assert os.listdir(tmp_path) == ["limits.key"]
    assert stat.S_IMODE((tmp_path / "limits.key").stat().st_mode) == 0o600


def test_all_hosts_call_a_bucket_the_same_in_a_store():
    name = begin("l", ("ip",)) + "192.0.2.1"
    assert StoreKeys().key(name) == StoreKeys().key(name) == store_key(name)
    assert store_key(name).startswith(b"gw:limit:") and len(store_key(name)) == 9 + 32
    assert store_key(name) != store_key(name + "0")


def test_what_is_remembered_of_store_keys_is_bounded(monkeypatch):
    monkeypatch.setattr(keys, "KEPT", 10)
    made = StoreKeys()
    found = [made.key(str(each)) for each in range(100)]
    assert found == [store_key(str(each)) for each in range(100)]
    assert made.key("v" * 5000) == store_key("v" * 5000)
    assert len(made._known) + len(made._older) <= 20


@pytest.mark.parametrize(
    ("per", "is_shown"),
    [
        (("header:x-plan",), True),
        (("client", "ip"), True),
        (("header:x-api-key",), False),
        (("ip", "claim:token"), False),
    ],
)
def test_a_credential_is_not_shown(per, is_shown):
    limit, owner = parts(begin("limit", per, "gold") + "value")
    assert limit == "limit"
    assert (owner == "value") is is_shown
    assert is_shown or owner == parts(begin("other", per) + "value")[1] != parts(begin("limit", per) + "values")[1]
