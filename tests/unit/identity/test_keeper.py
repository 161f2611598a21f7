"""The keeper: everything is ticked, and nobody waits for anybody."""

import gevent
from gevent.event import Event

from gateway.identity.keeper import Keeper


class Kept:
    def __init__(self, wait=None, error=None):
        self.ticks = 0
        self.ended = 0
        self.wait, self.error = wait, error

    def tick(self):
        self.ticks += 1
        if self.wait is not None:
            self.wait.wait()
        if self.error is not None:
            raise self.error
        self.ended += 1


def test_one_that_waits_holds_up_no_other():
    gate = Event()
    slow, quick = Kept(gate), Kept()
    keeper = Keeper(lambda: [slow, quick])
    for _ in range(3):
        keeper.tick()
        gevent.sleep(0)
    assert (slow.ticks, quick.ended) == (1, 3)
    gate.set()
    gevent.sleep(0)
    keeper.tick()
    gevent.sleep(0)
    assert (slow.ticks, slow.ended) == (2, 2)


def test_what_raises_is_told_and_ticked_again(caplog):
    bad = Kept(error=ValueError("bad"))
    keeper = Keeper(lambda: [bad])
    for _ in range(2):
        keeper.tick()
        gevent.sleep(0)
    assert bad.ticks == 2
    assert caplog.text.count("keeping Kept fresh failed") == 2


def test_it_runs_for_ever_and_takes_what_there_is(caplog, monkeypatch):
    monkeypatch.setattr("gateway.identity.keeper.EVERY", 0.001)
    kept = Kept()
    rounds = []

    def current():
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise ValueError("no plan yet")
        return [kept]

    running = gevent.spawn(Keeper(current).run_forever)
    with gevent.Timeout(5):
        while kept.ended < 3:
            gevent.sleep(0.001)
    assert not running.dead
    running.kill()
    assert "fresh failed" in caplog.text
