"""The memory of a worker: bounded in bytes, and what is in use stays."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.entry import Entry
from gateway.cache.memory_tier import OVERHEAD, MemoryTier
from gateway.cache.rules import CacheOptions
from gateway.cache.stored_response import stored


class Value:
    def __init__(self, size: int) -> None:
        self.size = size


def test_what_is_kept_is_found_until_it_is_dropped() -> None:
    memory: MemoryTier[Value] = MemoryTier(100_000)
    value = Value(10)
    memory.set("a", value)
    assert memory.get("a") is value
    memory.drop("a")
    assert memory.get("a") is None
    memory.set("a", value)
    assert memory.get("a") is value


def test_a_value_in_place_of_another_weighs_what_it_weighs() -> None:
    memory: MemoryTier[Value] = MemoryTier(100_000)
    memory.set("a", Value(5_000))
    memory.set("a", Value(10))
    assert memory.used == OVERHEAD + 1 + 10


def test_what_is_too_large_beside_others_is_not_kept() -> None:
    memory: MemoryTier[Value] = MemoryTier(100_000)
    memory.set("a", Value(10))
    memory.set("a", Value(50_000))
    assert memory.get("a") is None and memory.used <= OVERHEAD + len("a")


def test_a_crawler_throws_out_nothing_of_use() -> None:
    memory: MemoryTier[Value] = MemoryTier(100_000)
    for name in "abc":
        memory.set(name, Value(1_000))
        memory.get(name), memory.get(name)
    for number in range(10_000):
        memory.set(f"once {number}", Value(1_000))
    assert all(memory.get(name) is not None for name in "abc")
    assert memory.used <= 100_000


def test_what_comes_back_soon_has_a_place_in_the_main_queue() -> None:
    memory: MemoryTier[Value] = MemoryTier(50_000)
    memory.set("back", Value(1_000))
    number = 0
    while "back" in memory._nodes:
        memory.set(f"x {(number := number + 1)}", Value(1_000))
    memory.set("back", Value(1_000))
    assert memory._nodes["back"].is_main


def test_less_room_is_made_at_once() -> None:
    memory: MemoryTier[Value] = MemoryTier(100_000)
    for number in range(50):
        memory.set(str(number), Value(1_000))
    memory.resize(10_000)
    assert memory.used <= 10_000


@given(st.lists(st.tuples(st.sampled_from("gsd"), st.integers(0, 30), st.integers(0, 4_000)), max_size=300))
def test_the_books_are_kept(steps: list[tuple[str, int, int]]) -> None:
    memory: MemoryTier[Value] = MemoryTier(20_000)
    for what, key, size in steps:
        if what == "g":
            memory.get(str(key))
        elif what == "s":
            memory.set(str(key), Value(size))
        else:
            memory.drop(str(key))
        assert memory.used == sum(node.cost for node in memory._nodes.values()) <= 20_000
        assert memory._used_small == sum(node.cost for node in memory._nodes.values() if not node.is_main)
        assert len(memory._small) + len(memory._main) == len(memory._nodes)


def test_keys_that_clients_make_long_are_counted() -> None:
    memory: MemoryTier[Value] = MemoryTier(1_000_000)
    for number in range(200):
        key = f"{number}".ljust(8_000)
        memory.set(key, Value(10))
        memory.drop(key)
    assert sum(map(len, memory._nodes)) <= memory.used <= 1_000_000


def test_of_what_left_no_long_keys_are_held() -> None:
    memory: MemoryTier[Value] = MemoryTier(1_000_000)
    for number in range(1_000):
        memory.set(f"{number}".ljust(8_000), Value(10))
    assert sum(map(sys.getsizeof, memory._ghosts)) < 10_000


def test_what_clients_write_into_tags_and_fields_that_select_is_counted() -> None:
    def size(value: str) -> int:
        headers = [("Vary", "X-A"), ("Cache-Control", "max-age=9")]
        facts = stored([("X-A", value)], 200, headers, 0, (0.0, 0.0), CacheOptions())
        return Entry(facts, b"", "a.example/", "item", (f"tag-{value}",), 0).size

    assert size("x" * 8_000) - size("x") >= 2 * 7_999
