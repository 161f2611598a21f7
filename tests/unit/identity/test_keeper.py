"""The keeper: everything is ticked, and nobody waits for anybody."""

import gevent
from gevent.event import Event

from gateway.auth.background_tasks import BackgroundTasks
from tests.support.greenlets import until


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
    keeper = BackgroundTasks(lambda: [slow, quick])
    for number in (1, 2, 3):
        keeper.tick()
        until(lambda number=number: quick.ended == number)
    assert slow.ticks == 1
    gate.set()
    until(lambda: slow.ended == 1)
    keeper.tick()
    until(lambda: slow.ended == 2)
    assert slow.ticks == 2


def test_what_raises_is_told_and_ticked_again(caplog):
    bad = Kept(error=ValueError("bad"))
    keeper = BackgroundTasks(lambda: [bad])
    for number in (1, 2):
        keeper.tick()
        until(lambda number=number: caplog.text.count("keeping Kept fresh failed") == number)
    assert bad.ticks == 2


def test_it_runs_for_ever_and_takes_what_there_is(caplog, monkeypatch):
    monkeypatch.setattr("gateway.auth.background_tasks.EVERY", 0.001)
    kept = Kept()
    rounds = []

    def current():
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise ValueError("no plan yet")
        return [kept]

    running = gevent.spawn(BackgroundTasks(current).run_forever)
    until(lambda: kept.ended >= 3)
    assert not running.dead
    running.kill()
    assert "fresh failed" in caplog.text
