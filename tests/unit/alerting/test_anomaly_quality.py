"""How good the detector is, over made series that nothing was tuned on, and that the score is the benchmark's."""

import math

import pytest

from tests.anomaly import nab
from tests.anomaly.judged import judged
from tests.anomaly.series import KINDS, made

#: seeds below 100 were looked at while the detector was made
HELD_OUT = 101


@pytest.fixture(scope="module")
def runs():
    return dict(zip(KINDS, map(judged, made(HELD_OUT)), strict=True))


@pytest.mark.thorough
def test_the_score_of_the_benchmark(runs):
    assert nab.score(runs.values(), 0.0) >= 75


@pytest.mark.thorough
def test_recall_and_false_alerts(runs):
    counts = [nab.counts(run) for run in runs.values()]
    found, windows, wrong = (sum(column) for column in zip(*counts, strict=True))
    assert found / windows >= 0.9
    # two weeks each: less than one in five days
    assert wrong / len(runs) <= 2.5


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith(("quiet", "gap"))])
def test_few_false_alerts_where_nothing_is_wrong(runs, kind):
    most = 8 if kind == "quiet latency" else 4
    assert nab.counts(runs[kind])[2] <= most


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["spike steady", "dip day", "dip week", "missing day", "missing hours", "stuck day"])
def test_what_must_never_be_missed(runs, kind):
    found, windows, _ = nab.counts(runs[kind])
    assert found == windows


WINDOWS = [(500, 599)]


def test_saying_nothing_is_0_and_saying_all_at_once_is_100():
    assert nab.score([nab.Run(1000, WINDOWS, [])], 0.0) == 0
    assert nab.score([nab.Run(1000, WINDOWS, [(500, 1.0)])], 0.0) == pytest.approx(100)


def test_a_late_alert_earns_less():
    late = nab.score([nab.Run(1000, WINDOWS, [(590, 1.0)])], 0.0)
    # sigmoid of the place, which runs from -1 to 0 in a window, against that of its first row
    expected = (2 / (1 + math.exp(-5 * 0.1)) - 1) / (2 / (1 + math.exp(-5.0)) - 1)
    assert late == pytest.approx(100 * (expected + 1) / 2)


def test_only_the_best_alert_of_a_window_counts():
    once = nab.raw(nab.Run(1000, WINDOWS, [(510, 1.0)]), 0.0)
    assert nab.raw(nab.Run(1000, WINDOWS, [(510, 1.0), (550, 1.0), (599, 1.0)]), 0.0) == once


def test_false_alerts_cost_and_less_so_right_after_a_window():
    assert nab.raw(nab.Run(1000, [], [(400, 1.0)]), 0.0) == pytest.approx(-0.11)
    near, far = (nab.raw(nab.Run(1000, WINDOWS, [(500, 1.0), (row, 1.0)]), 0.0) - 1 for row in (603, 990))
    assert -0.02 < near < 0
    assert far == pytest.approx(-0.11)


def test_the_first_rows_and_what_is_below_the_threshold_do_not_count():
    assert nab.raw(nab.Run(1000, [], [(149, 1.0), (700, 0.4)]), 0.5) == 0
    assert nab.raw(nab.Run(100_000, [], [(749, 1.0)]), 0.0) == 0


def test_the_best_threshold_is_found():
    run = nab.Run(1000, WINDOWS, [(300, 0.2), (400, 0.3), (500, 0.9)])
    assert nab.best([run]) == (pytest.approx(100), 0.9)
