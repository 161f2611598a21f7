"""Tries are counted for what they are: first ones, further ones, those beside a slow one."""

from __future__ import annotations

import gevent
import pytest
from gevent.event import Event

from gateway import errors
from gateway.errors import GatewayError
from gateway.exchange import HEDGED, RETRIED, Exchange
from gateway.observability.metrics.meter import MetricsRegions
from gateway.observability.metrics.reading import Reader
from gateway.observability.metrics.snapshot import Snapshot, UpstreamStats
from gateway.upstream.resilience.hedge import HedgePolicy
from gateway.upstream.targets import Target
from tests.support.greenlets import until
from tests.unit.upstreams.stage import RETRY, Outcome, Stage

HEDGE = HedgePolicy(0.02, 0.0, 1_000_000)


class Counted(Stage):
    """A stage whose targets are counted."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        metering = MetricsRegions.private(64)
        self._reader = Reader(metering)
        for target in self.fleet.targets:
            target.call = metering.call("catalog", target.address)

    def figures(self) -> Snapshot:
        """All that was counted."""
        return self._reader.read()

    def counted(self, target: str | None = None) -> UpstreamStats:
        """What a target has, or the upstream."""
        figures = self.figures()
        return figures.upstreams["catalog"] if target is None else figures.targets["catalog", target]


def test_a_try():
    stage = Counted(lambda target, exchange: 404)
    assert stage.ask().marks == 0
    up = stage.counted()
    assert (up.answers, up.failures, up.retries, up.hedges, up.in_flight) == ({"4xx": 1}, {}, 0, 0, 0)
    assert up.duration.count == 1
    assert stage.counted("t0") == up


def test_further_tries():
    outcomes = iter((503, errors.UPSTREAM_RESET, 200, 200))
    stage = Counted(lambda target, exchange: next(outcomes), retry=RETRY)
    assert stage.ask().marks == RETRIED
    assert stage.ask().marks == 0
    up = stage.counted()
    assert (up.answers, up.failures, up.retries) == ({"2xx": 2, "5xx": 1}, {"upstream-reset": 1}, 2)
    assert stage.counted("t1").retries == 1


def test_a_second_try_beside_a_slow_one():
    def play(target: Target, exchange: Exchange) -> Outcome:
        gevent.sleep(5 if target.address == "t0" else 0)
        return 200

    stage = Counted(play, hedge=HEDGE)
    assert stage.ask().marks == HEDGED
    until(lambda: stage.counted().in_flight == 0)
    up = stage.counted()
    assert (up.answers, up.failures, up.retries, up.hedges) == ({"2xx": 1}, {}, 0, 1)
    late = stage.counted("t1")
    assert (late.hedges, late.answers) == (1, {"2xx": 1})


def test_one_more_after_a_race_is_no_hedge():
    beside = Event()

    def play(target: Target, exchange: Exchange) -> Outcome:
        if target.address == "t0":
            assert beside.wait(5), "no try beside a slow one"
        beside.set()
        return 200 if target.address == "t2" else 503

    stage = Counted(play, hedge=HEDGE, retry=RETRY)
    assert stage.ask().marks == HEDGED | RETRIED
    until(lambda: stage.counted().in_flight == 0)
    assert (stage.counted().hedges, stage.counted("t1").hedges, stage.counted("t2").hedges) == (1, 1, 0)
    assert stage.counted("t2").retries == 1


def test_a_try_that_is_broken_off_is_neither_answer_nor_failure():
    def play(target: Target, exchange: Exchange) -> Outcome:
        gevent.sleep(5)
        return 200

    stage = Counted(play)
    asked = gevent.spawn(stage.ask)
    gevent.sleep(0)
    assert stage.counted().in_flight == 1
    asked.kill()
    assert "catalog" not in stage.figures().upstreams, "nothing is counted, and nothing is on its way"


def test_what_was_not_sent_is_a_failure_too():
    stage = Counted(lambda target, exchange: errors.UPSTREAM_REFUSED)
    with pytest.raises(GatewayError):
        stage.ask()
    assert stage.counted().failures == {"upstream-refused": 1}
    assert stage.counted().duration.count == 0
