"""Greenlets that are used again: one for what comes one after the other, ended ones are not."""

from __future__ import annotations

import gc
import weakref

import gevent
import gevent.event
import pytest
from gevent import getcurrent

from gateway.upstream import greenlets as hands
from gateway.upstream.greenlets import GreenletPool
from tests.support.greenlets import until


@pytest.fixture
def seen() -> list[object]:
    return []


def test_what_comes_after_one_another_is_done_by_the_same(seen):
    made = GreenletPool()
    for _ in range(3):
        made.start(lambda: seen.append(getcurrent()))
        gevent.sleep(0)
    assert len(seen) == 3 and len(set(map(id, seen))) == 1


def test_what_comes_at_once_is_done_beside_each_other(seen):
    made = GreenletPool()

    def work() -> None:
        seen.append(getcurrent())
        gevent.sleep(0.001)

    for _ in range(3):
        made.start(work)
    until(lambda: len(seen) == 3)
    assert len(set(map(id, seen))) == 3


def test_who_is_ended_does_no_more(seen):
    made = GreenletPool()

    def work() -> None:
        try:
            gevent.sleep(30)
        finally:
            seen.append(getcurrent())

    hand = made.start(work)
    gevent.sleep(0)
    hand.end()
    gevent.sleep(0)
    made.start(lambda: seen.append(getcurrent()))
    gevent.sleep(0)
    assert len(seen) == 2 and seen[0] is not seen[1]


def test_no_more_wait_than_are_allowed(seen, monkeypatch):
    monkeypatch.setattr(hands, "IDLE_MAX", 2)
    made = GreenletPool()
    for _ in range(5):
        made.start(lambda: seen.append(getcurrent()))
    gevent.sleep(0)
    assert sum(not each.dead for each in seen) == 2


def test_nothing_of_a_job_is_kept_after_it():
    made = GreenletPool()

    class Big:
        pass

    big = Big()
    gone = weakref.ref(big)
    made.start(lambda big=big: None)
    del big
    gevent.sleep(0)
    gc.collect()
    assert gone() is None


def test_who_was_quicker_than_its_end_works_on_for_others(seen):
    made = GreenletPool()
    go = gevent.event.Event()
    hand = made.start(go.wait)
    gevent.sleep(0)
    go.set()  # its turn comes before that of its end
    hand.end()
    made_again = []
    gevent.get_hub().loop.run_callback(lambda: made_again.append(made.start(lambda: seen.append(1))))
    gevent.sleep(0)
    until(lambda: seen)
    assert made_again == [hand]
