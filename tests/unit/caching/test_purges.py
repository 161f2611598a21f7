"""What was purged, on one worker and on the others."""

import pytest

from gateway.cache.entry import Entry
from gateway.cache.purge import KNOWN, READ, WAITING, PurgeLog
from gateway.cache.rules import CacheOptions
from gateway.cache.stored_response import stored
from gateway.state.store import StoreUnavailableError
from tests.unit.identity.issuer_parts import Clock, FakeStore


def entry(
    purges: PurgeLog, url: str = "shop.example/items/7?a=1", tags: tuple[str, ...] = ("item-7", "items")
) -> Entry:
    facts = stored([], 200, [], 0, (0.0, 0.0), CacheOptions(ttl=60.0))
    return Entry(facts, b"", url, "item", tags, purges.number)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore(Clock())


@pytest.fixture
def two(store: FakeStore) -> tuple[PurgeLog, PurgeLog]:
    one, other = PurgeLog(store), PurgeLog(store)
    one.tick()
    other.tick()
    return one, other


@pytest.mark.parametrize("what", [
    {"url": ["shop.example/items/7?a=1"]}, {"url": ["/items/7?a=1"]}, {"tag": ["item-7"]}, {"route": ["item"]},
    {"prefix": ["/items/"]}, {"prefix": ["shop.example/"]}, {},
])  # fmt: skip
def test_what_fits_is_dropped_everywhere(two: tuple[PurgeLog, PurgeLog], what: dict[str, list[str]]) -> None:
    one, other = two
    mine, theirs = entry(one), entry(other)
    assert one.holds(mine) and other.holds(theirs)
    one.purge(what, everything=not what)
    assert not one.holds(mine)
    other.tick()
    assert not other.holds(theirs)
    assert one.holds(entry(one)) and other.holds(entry(other)), "what is asked for later is kept"


def test_what_does_not_fit_stays(two: tuple[PurgeLog, PurgeLog]) -> None:
    one, other = two
    kept = entry(other)
    one.purge({"url": ["/items/7", "other.example/items/7?a=1"], "tag": ["item"], "prefix": ["/item/"], "route": ["x"]})
    other.tick()
    assert other.holds(kept)


def test_what_was_on_its_way_during_a_purge_is_dropped(two: tuple[PurgeLog, PurgeLog]) -> None:
    one, other = two
    stamp = other.number
    one.purge({"tag": ["items"]})
    other.tick()
    late = entry(other)
    late.stamp = stamp
    assert not other.holds(late)


def test_a_change_is_told_with_the_next_tick(two: tuple[PurgeLog, PurgeLog]) -> None:
    one, other = two
    mine, theirs = entry(one), entry(other)
    one.forget(["shop.example/items/7?a=1"])
    assert not one.holds(mine)
    other.tick()
    assert other.holds(theirs)
    one.tick()
    other.tick()
    assert not other.holds(theirs)
    assert one.holds(entry(one))


def test_a_store_out_of_reach_is_told_later(two: tuple[PurgeLog, PurgeLog], store: FakeStore) -> None:
    one, other = two
    theirs = entry(other)
    store.is_down = True
    one.forget(["shop.example/items/7?a=1"])
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            one.tick()
    with pytest.raises(StoreUnavailableError):
        one.purge({"tag": ["a"]})
    store.is_down = False
    one.tick()
    for _ in range(12):  # what was announced and never told is waited for
        other.tick()
    assert not other.holds(theirs)


def test_who_was_away_for_long_drops_all(two: tuple[PurgeLog, PurgeLog]) -> None:
    one, other = two
    theirs = entry(other, tags=())
    for number in range(READ + 5):
        one.purge({"tag": [f"x-{number}"]})
    other.tick()
    assert not other.holds(theirs)


def test_a_store_that_was_emptied_drops_all(two: tuple[PurgeLog, PurgeLog], store: FakeStore) -> None:
    one, _ = two
    one.purge({"tag": ["x"]})
    mine = entry(one)
    store.clear(b"")
    one.tick()
    assert not one.holds(mine) and one.holds(entry(one))


def test_what_was_purged_before_a_store_was_emptied_can_be_kept_again(
    two: tuple[PurgeLog, PurgeLog], store: FakeStore
) -> None:
    one, _ = two
    one.purge({"tag": ["item-7"]})
    store.clear(b"")
    one.tick()
    assert one.holds(entry(one))


def test_a_purge_whose_words_are_lost_drops_all(two: tuple[PurgeLog, PurgeLog], store: FakeStore) -> None:
    one, other = two
    theirs = entry(other, tags=())
    one.purge({"tag": ["x"]})
    store.delete(b"purge:1")
    for _ in range(5):
        other.tick()
    assert not other.holds(theirs)


def test_what_is_known_is_bounded() -> None:
    purges = PurgeLog(None)
    kept = entry(purges, tags=())
    purges.forget(f"shop.example/{number}" for number in range(KNOWN))
    assert purges.holds(kept)
    purges.forget(["shop.example/one-more"])
    purges.forget(["shop.example/two-more"])
    assert not purges.holds(kept), "older than what is forgotten"


def test_changes_of_long_urls_are_told_as_those_of_short_ones(two: tuple[PurgeLog, PurgeLog], store: FakeStore) -> None:
    one, other = two
    url = f"shop.example/items/7?a={'x' * 8_000}"
    theirs, another = entry(other, url), entry(other, url + "x")
    one.forget([url, *(f"{url}-{number}" for number in range(WAITING - 1))])
    one.tick()
    other.tick()
    assert not other.holds(theirs) and other.holds(another)
    assert sum(len(store.get(key) or b"") for key in store.scan(b"purge")) < 100_000


def test_while_the_store_is_out_of_reach_no_more_waits_to_be_told_than_so_much(
    two: tuple[PurgeLog, PurgeLog], store: FakeStore
) -> None:
    one, other = two
    theirs = entry(other, "shop.example/never-changed")
    store.is_down = True
    for number in range(3 * WAITING):
        one.forget([f"shop.example/{number}"])
    with pytest.raises(StoreUnavailableError):
        one.tick()
    assert len(one._waiting) <= WAITING + 1
    store.is_down = False
    one.tick()
    for _ in range(5):  # what was announced and never told is waited for
        other.tick()
    assert not other.holds(theirs), "more than can be told stands for all"


def test_what_nobody_reads_any_more_is_not_kept(two: tuple[PurgeLog, PurgeLog], store: FakeStore) -> None:
    one, _ = two
    for number in range(3 * READ):
        one.purge({"tag": [f"x-{number}"]})
    assert len(list(store.scan(b"purge:"))) <= 2 * READ
    late = PurgeLog(store)
    late.tick()
    assert late.number == 3 * READ
