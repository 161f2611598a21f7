"""The queue of a pool: last used first, first come first served, nothing lost."""

from __future__ import annotations

import queue
from typing import Any

import gevent
import pytest

from gateway.upstream.pool.slots import Slots


class Idle:
    """What stands in for a connection."""

    def __init__(self, idle_since: float = 0.0) -> None:
        self.idle_since = idle_since


def slots(free: int) -> Slots:
    made = Slots(free)
    for _ in range(free):
        made.put(None)
    return made


def test_last_used_first():
    made: Any = slots(2)
    one, two = Idle(), Idle()
    assert made.get() is made.get() is None
    made.put(one)
    made.put(two)
    assert (made.get(), made.get()) == (two, one)


def test_an_idle_one_comes_before_a_free_slot():
    made: Any = slots(2)
    made.get()
    one = Idle()
    made.put(one)
    assert made.get() is one
    assert made.get() is None


def test_counts():
    made: Any = slots(3)
    made.get()
    made.get()
    made.put(Idle())
    assert (made.qsize(), made.out, made.free) == (2, 1, 1)


@pytest.mark.parametrize("ask", [{"block": False}, {"timeout": 0.0}, {"timeout": -1.0}, {"timeout": 0.01}])
def test_empty(ask: dict[str, Any]):
    made = slots(0)
    with pytest.raises(queue.Empty):
        made.get(**ask)
    assert not made.waiting


def test_first_come_first_served():
    made, order = slots(0), []

    def wait(number: int) -> None:
        made.get(timeout=30)
        order.append(number)

    waiting = [gevent.spawn(wait, number) for number in range(4)]
    gevent.sleep(0)
    for _ in range(4):
        made.put(None)
    gevent.joinall(waiting, raise_error=True)
    assert order == [0, 1, 2, 3]


def test_nobody_overtakes():
    made: Any = slots(0)
    first = gevent.spawn(made.get, timeout=30)
    gevent.sleep(0)
    one = Idle()
    made.put(one)
    with pytest.raises(queue.Empty):
        made.get(block=False)
    assert first.get(timeout=30) is one


def test_one_that_gave_up_is_passed_over():
    made: Any = slots(0)
    impatient, patient = gevent.spawn(made.get, timeout=0.01), gevent.spawn(made.get, timeout=30)
    impatient.join(5)
    made.put(None)
    assert patient.get(timeout=30) is None
    with pytest.raises(queue.Empty):
        impatient.get(timeout=30)
    assert not made.waiting


def test_what_a_killed_waiter_was_given_goes_to_the_next():
    made: Any = slots(0)
    killed, next_one = gevent.spawn(made.get, timeout=30), gevent.spawn(made.get, timeout=30)
    gevent.sleep(0)
    one = Idle()
    killed.kill(block=False)
    made.put(one)  # goes to the one that is about to die
    assert next_one.get(timeout=30) is one
    assert not made.waiting


def test_what_a_killed_waiter_was_given_is_kept_when_nobody_waits():
    made: Any = slots(0)
    killed = gevent.spawn(made.get, timeout=30)
    gevent.sleep(0)
    killed.kill(block=False)
    made.put(None)
    killed.join()
    assert (made.free, len(made.waiting)) == (1, 0)


def test_a_thousand_waiters_and_no_lost_wake_up():
    made, served = slots(3), set()

    def use(number: int) -> None:
        try:
            item = made.get(timeout=0.002 * (number % 5) if number % 3 == 0 else 30)
        except queue.Empty:
            return
        try:
            gevent.sleep(0.0001 * (number % 4))
            served.add(number)
        finally:
            made.put(item)

    running = [gevent.spawn(use, number) for number in range(1000)]
    for victim in running[::7]:
        gevent.spawn_later(0.001, victim.kill, block=False)
    gevent.joinall(running, timeout=30)
    assert {number for number in range(1000) if number % 3 and number % 7} <= served
    assert (made.free, made.out, len(made.waiting)) == (3, 0, 0)


def test_takes_the_older_ones_out():
    made: Any = slots(0)
    made.maxsize = 3
    old, older, young = Idle(2.0), Idle(1.0), Idle(3.0)
    for one in (older, old, young):
        made.put(one)
    assert made.take_older(3.0) == [older, old]
    assert (made.idle, made.free) == ([young], 2)
