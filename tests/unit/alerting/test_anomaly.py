"""The detector, value by value: what it says, what it needs, what it never does."""

import math
import pickle
import random
import tracemalloc

import pytest

from gateway.alerting.anomaly.detector import Detector

START = 1_396_224_000.0
MINUTE = 60.0
DAY = 86_400.0


def fed(values, step=300.0, start=START, **options):
    """A detector that has seen the values, and its verdicts."""
    detector = Detector(**options)
    return detector, [detector.observe(start + i * step, value) for i, value in enumerate(values)]


def noise(count, mean=100.0, spread=5.0, seed=1):
    rng = random.Random(seed)
    return [rng.gauss(mean, spread) for _ in range(count)]


def days(count, step=300.0, seed=1):
    """Requests with days and nights."""
    rng = random.Random(seed)
    places = (2 * math.pi * (i * step % DAY / DAY - 0.3) for i in range(count))
    return [100 * (1 + 0.7 * math.sin(place)) * math.exp(rng.gauss(0, 0.1)) for place in places]


def test_a_spike_is_explained():
    detector, _ = fed(noise(1000))
    verdict = detector.observe(START + 1000 * 300, 200.0)
    low, high = verdict.expected
    assert verdict.is_anomalous and verdict.began and verdict.score > 3
    assert 70 < low < 90
    assert 110 < high < 140
    assert verdict.words == f"is 200, expected {low:.4g} to {high:.4g}"


def test_the_next_ordinary_value_is_no_anomaly():
    detector, _ = fed(noise(1000))
    detector.observe(START + 1000 * 300, 200.0)
    after = [detector.observe(START + (1001 + i) * 300, value) for i, value in enumerate(noise(20, seed=2))]
    assert not any(verdict.began for verdict in after)
    assert not any(verdict.is_anomalous for verdict in after[3:])


def test_an_incident_begins_once():
    detector, _ = fed(noise(1000))
    rng = random.Random(3)
    verdicts = [detector.observe(START + (1000 + i) * 300, rng.gauss(200, 20)) for i in range(30)]
    assert [i for i, verdict in enumerate(verdicts) if verdict.began] == [0]


def test_nothing_is_said_during_the_warmup():
    _, verdicts = fed([*noise(140), 10_000.0, *noise(9)])
    assert not any(verdict.is_anomalous for verdict in verdicts)
    _, verdicts = fed([*noise(140), 10_000.0, *noise(9)], warmup=100)
    assert verdicts[140].began


@pytest.mark.thorough
def test_sensitivity_moves_the_bar():
    values = noise(4000, seed=5)
    began = [sum(v.began for v in fed(values, sensitivity=bar)[1]) for bar in (2.0, 3.0, 5.0)]
    assert began[0] > began[1] >= began[2] == 0


@pytest.mark.parametrize("least", [{"relative": 2.0}, {"absolute": 150.0}])
def test_too_small_an_effect_is_no_alarm(least):
    detector, _ = fed(noise(1000), **least)
    verdict = detector.observe(START + 1000 * 300, 200.0)
    assert verdict.score > 3 and not verdict.is_anomalous
    assert detector.observe(START + 1001 * 300, 900.0).is_anomalous


def test_a_day_that_does_not_come_is_noticed_though_no_value_is_new():
    values = days(8 * 288 + 144)
    detector, _ = fed(values[: 8 * 288])
    noon = 8 * DAY + 0.5 * DAY
    ordinary = pickle.loads(pickle.dumps(detector)).observe(START + noon, 185.0)
    night = min(values[288:])
    for i in range(8 * 288, 8 * 288 + 144):
        detector.observe(START + i * 300, values[i])
    verdict = detector.observe(START + noon, night)
    assert verdict.is_anomalous and verdict.expected[0] > 2 * night
    assert ordinary.score < 3


@pytest.mark.parametrize("step", [60.0, 1800.0, 3600.0])
def test_the_season_is_learnt_from_fine_and_from_coarse_values(step):
    per_day = int(DAY / step)
    values = days(12 * per_day, step)
    detector, _ = fed(values[: -per_day // 2], step)
    night = min(values[-3 * per_day :])
    verdict = detector.observe(START + (len(values) - per_day // 2) * step, night)
    assert verdict.is_anomalous and 2 * night < verdict.expected[0]


def test_a_series_that_is_stuck():
    detector, _ = fed(noise(1000))
    verdicts = [detector.observe(START + (1000 + i) * 300, 100.0) for i in range(40)]
    first = next(i for i, verdict in enumerate(verdicts) if verdict.is_anomalous)
    assert 10 <= first <= 20
    assert verdicts[first].words == f"has been exactly 100 for {first + 1} values"


def test_a_constant_series_is_not_stuck():
    _, verdicts = fed([45.0] * 3000)
    assert not any(verdict.is_anomalous for verdict in verdicts)


def test_a_drop_to_zero_of_busy_traffic_at_once():
    detector, _ = fed(days(7 * 288))
    verdict = detector.observe(START + 7 * DAY + DAY / 2, 0.0)
    assert verdict.is_anomalous and verdict.expected[0] > 0


def test_zeros_of_sparse_traffic_are_ordinary():
    rng = random.Random(7)
    values = [float(rng.random() < 0.05) for _ in range(5000)]
    _, verdicts = fed(values, step=MINUTE)
    assert sum(verdict.began for verdict in verdicts) <= 2


def test_the_first_day_is_quiet():
    _, verdicts = fed(days(1440, step=MINUTE), step=MINUTE)
    assert sum(verdict.began for verdict in verdicts) == 0


def test_an_outage_on_the_first_day_is_noticed():
    values = days(1440, step=MINUTE)
    values[800:810] = [0.0] * 10
    _, verdicts = fed(values, step=MINUTE)
    assert [i for i, verdict in enumerate(verdicts) if verdict.began] == [800]


def test_a_gap_is_no_anomaly():
    values = days(10 * 288)
    detector, _ = fed(values[: 8 * 288])
    after = 8 * 288 + 100
    verdicts = [detector.observe(START + i * 300, values[i]) for i in range(after, 10 * 288)]
    assert not any(verdict.is_anomalous for verdict in verdicts[:50])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_what_is_no_number_changes_nothing(value):
    detector, _ = fed(noise(500))
    before = pickle.dumps(detector)
    verdict = detector.observe(START + 500 * 300, value)
    assert not verdict.is_anomalous and verdict.words == "is not a number"
    assert pickle.dumps(detector) == before


def test_time_that_stands_still_or_runs_backwards():
    detector, _ = fed(noise(500))
    for at in (START + 499 * 300, START, START + 100):
        assert math.isfinite(detector.observe(at, 100.0).score)
    assert detector.observe(START + 501 * 300, 300.0).is_anomalous


def test_its_state_is_pickled_and_goes_on():
    values = days(3000)
    detector, _ = fed(values[:2000])
    other = pickle.loads(pickle.dumps(detector))
    for i, value in enumerate(values[2000:], 2000):
        assert detector.observe(START + i * 300, value) == other.observe(START + i * 300, value)
    assert len(pickle.dumps(detector)) < 8_000


def test_what_burst_often_is_ordinary():
    values = noise(4000)
    for i in range(100, 4000, 300):
        values[i] = 250.0
    _, verdicts = fed(values)
    began = [i for i, verdict in enumerate(verdicts) if verdict.began]
    assert len([i for i in began if i > 2500]) == 0


@pytest.mark.thorough
def test_memory_does_not_grow():
    detector, _ = fed(noise(2000))
    more = noise(8000, seed=2)
    tracemalloc.start()
    try:
        held = []
        for i, value in enumerate(more, 1):
            detector.observe(START + (1999 + i) * 300, value)
            if i % 4000 == 0:
                # What else lives in this process may allocate meanwhile; and only what was traced can be seen to go.
                ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/gateway/alerting/*")])
                held.append(sum(each.size for each in ours.statistics("filename")))
        assert held[1] - held[0] < 10_000
    finally:
        tracemalloc.stop()


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(5))
def test_an_alarm_lies_outside_of_what_was_expected(seed):
    rng = random.Random(seed)
    values = [value * (3 if rng.random() < 0.003 else 1) for value in days(4000, seed=seed)]
    _, verdicts = fed(values)
    said = [(value, verdict) for value, verdict in zip(values, verdicts, strict=True) if verdict.score > 3.0]
    spoken = [
        (value, verdict) for value, verdict in said if verdict.words.startswith("is ") and "varies" not in verdict.words
    ]
    assert len(spoken) >= 3
    for value, verdict in spoken:
        assert not verdict.expected[0] <= value <= verdict.expected[1], verdict
