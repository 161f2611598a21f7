"""Those who work for one request: what they give, in which order, and how they are ended."""

from __future__ import annotations

from time import monotonic

import gevent
from gevent.event import Event

from gateway.upstream.greenlets import GreenletPool
from gateway.upstream.task_group import TaskGroup


def after(given: tuple[Event, str]) -> str:
    event, value = given
    event.wait(30)
    return value


def at_once(_: object) -> bool:
    return True


def test_values_come_in_the_order_in_which_they_are_there():
    crew: TaskGroup[str] = TaskGroup(GreenletPool(), at_once)
    first, second = Event(), Event()
    crew.start(after, (first, "first"))
    crew.start(after, (second, "second"))
    assert crew.next(0.01) is None
    second.set()
    assert crew.next(5) == "second"
    first.set()
    assert crew.next(5) == "first"
    crew.end()


def test_many_that_wait_for_nothing():
    crew: TaskGroup[int] = TaskGroup(GreenletPool(), at_once)
    for number in range(100):
        crew.start(abs, -number)
    assert [crew.next(5) for _ in range(100)] == list(range(100))
    assert crew.ready() is None
    crew.end()


def test_nobody_waits_much_longer_than_asked():
    crew: TaskGroup[str] = TaskGroup(GreenletPool(), at_once)
    never = Event()
    crew.start(after, (never, "never"))
    began = monotonic()
    assert [crew.next(0.02) for _ in range(3)] == [None] * 3
    assert monotonic() - began < 5, "the one that works takes longer"
    crew.end()


def test_who_is_left_is_ended_begun_or_not():
    crew: TaskGroup[str] = TaskGroup(GreenletPool(), at_once)
    ended, begun = [], []

    def work(name: str) -> str:
        begun.append(name)
        try:
            Event().wait(30)
        finally:
            ended.append(name)
        return name

    crew.start(work, "begun")
    gevent.sleep(0)
    crew.start(work, "not begun")
    crew.end()
    gevent.sleep(0.01)
    assert "begun" in ended and sorted(ended) == sorted(begun)
    assert crew.next(0.01) is None
    crew.end()


def test_what_is_in_no_hurry_waits_for_the_last_or_for_who_looks():
    crew: TaskGroup[str] = TaskGroup(GreenletPool(), lambda value: value == "urgent")
    events = {name: Event() for name in ("first", "urgent", "last")}
    for name, event in events.items():
        crew.start(after, (event, name))
    assert crew.ready() is None
    waiting = gevent.spawn(crew.next, 30)
    gevent.sleep(0)  # all have begun
    events["first"].set()
    for _ in range(20):
        gevent.sleep(0)
    assert not waiting.ready(), "the first one woke nobody"
    events["urgent"].set()
    assert [waiting.get(timeout=5), crew.ready(), crew.ready()] == ["first", "urgent", None]
    events["last"].set()
    assert crew.next(5) == "last"
    crew.end()


def test_who_looks_finds_what_is_in_no_hurry():
    crew: TaskGroup[str] = TaskGroup(GreenletPool(), lambda _: False)
    done, never = Event(), Event()
    crew.start(after, (done, "done"))
    crew.start(after, (never, "never"))
    done.set()
    assert crew.next(0.02) == "done"
    crew.end()
