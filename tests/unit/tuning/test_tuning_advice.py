"""What follows from a measurement."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tuning.advice import (
    BACKLOG,
    HPA_LEAST,
    HPA_MOST,
    HPA_STEP,
    PODS_LEAST,
    Around,
    Target,
    advise,
    backlog,
    capacity,
    connections_within,
    first_choice,
    hpa_target,
    memory_limit,
    pods,
    sustainable_rate,
)
from gateway.tuning.config import Settings
from gateway.tuning.report import Result, as_json, as_text
from gateway.tuning.sweep import fair_rate
from gateway.tuning.verdict import verdict
from tests.unit.tuning.samples import CONFIGURED, measured, paced, point

AROUND = Around(0, 4096)


def advice(found=None, target=None, configured=CONFIGURED, around=AROUND):
    return advise(found or measured(), configured, target or Target(2), around)


@given(st.floats(1, 1e6), st.floats(1, 1e5))
def test_pods_bear_the_rate_and_one_fewer_does_not(rate, planned):
    found = pods(rate, planned)
    assert found >= PODS_LEAST and found * planned >= rate * (1 - 1e-9)
    assert found == PODS_LEAST or (found - 1) * planned < rate * (1 + 1e-9)


@given(st.floats(0, 1))
def test_the_hpa_target_is_a_step_within_bounds(share):
    found = hpa_target(share)
    assert HPA_LEAST <= found <= HPA_MOST and found % HPA_STEP == 0
    assert found == HPA_LEAST or found <= 100 * share * 0.8


@given(st.floats(0, 1e6), st.floats(0, 60), st.integers(128, 65535))
def test_a_backlog_takes_a_stall_or_all_the_kernel_gives(rate, stall, somaxconn):
    found = backlog(rate, stall, somaxconn)
    assert found <= somaxconn
    assert found >= min(somaxconn, BACKLOG)
    assert found >= min(somaxconn, rate * stall)


@given(st.integers(64 << 20, 8 << 30), st.floats(1e6, 1e9), st.floats(0, 1e9), st.floats(100, 1e6), st.integers(1, 64))
def test_connections_that_fit_are_within_the_memory(memory, base, caches, each, workers):
    found = connections_within(memory, base, caches, each, workers)
    if found:
        assert memory_limit(base, caches, workers * found, each) <= memory
    assert memory_limit(base, caches, workers * (found + 1), each) > memory - (16 << 20)


def test_capacity_is_what_was_measured_where_the_workers_were_at_their_end():
    assert capacity([point(1, rps=9_000.0, cpu_us=50.0)], 1) == (9_000.0, False)


def test_capacity_is_derived_from_cpu_where_the_load_took_it_and_no_more_than_alone():
    points = [point(1, rps=9_000.0), point(2, rps=11_000.0, cpu_us=125.0, limit="cores")]
    assert capacity(points, 2) == (16_000.0, True)
    points[1] = point(2, rps=11_000.0, cpu_us=80.0, limit="cores")
    assert capacity(points, 2) == (18_000.0, True)


def test_the_fewest_workers_that_bear_a_rate_are_chosen_first():
    points = [point(1, rps=9_000.0), point(2, rps=17_000.0), point(4, rps=30_000.0)]
    assert [first_choice(points, Target(4, rate)) for rate in (100.0, 6_000.0, 7_000.0, 20_000.0, 1e6)] == [
        1,
        1,
        2,
        4,
        4,
    ]
    assert first_choice(points, Target(4)) == 4


def test_a_rate_is_borne_while_p99_holds_and_nothing_fails():
    curve = [paced(0.5, 2.0), paced(0.7, 8.0), paced(0.8, 30.0), paced(0.9, 9.0)]
    assert sustainable_rate(curve, 0.010)[0] == 0.7
    assert sustainable_rate(curve, 0.050)[0] == 0.9
    assert sustainable_rate(curve, None)[:2] == (0.7, 10.0)
    assert sustainable_rate(curve, 0.001)[0] == 0.0
    assert sustainable_rate([paced(0.5), paced(0.7, failed=100)], 1.0)[0] == 0.5


def test_the_advice_for_a_target_that_one_pod_bears():
    found = advice(target=Target(2, 3_000.0, 0.02))
    assert found.settings == Settings(1, 4000, 2048, 75.0)
    assert (found.knee, found.capacity, found.borne, found.hpa) == (16, 10_000.0, 0.7, 55)
    assert found.planned == pytest.approx(5_500) and found.pods == 2
    assert found.headroom == pytest.approx(7_000 / 3_000 - 1)
    assert found.memory_request == 80 << 20
    assert found.memory_limit >= 1.25 * (70e6 + 4000 * 10e3)


def test_no_more_is_promised_than_was_seen_to_hold():
    points = (point(1, 1, 2_000.0), point(1, 16, 10_000.0, cpu_us=50.0, limit="others"), point(1, 64, 9_900.0))
    found = advice(measured(points), Target(2, 3_000.0, 0.02))
    assert (found.capacity, found.derived) == (20_000.0, True)
    assert found.borne * found.capacity == pytest.approx(7_000) and found.planned <= 7_000 * 0.8


def test_the_advice_for_many_pods():
    found = advice(target=Target(2, 100_000.0, 0.02))
    assert found.pods == 19 and found.headroom < 0


def test_no_pods_are_told_where_none_would_help():
    found = advice(target=Target(2, 3_000.0, 0.001))
    assert found.pods is None and found.headroom is None
    assert any("no number of pods helps" in note for note in found.notes)


def test_connections_shrink_to_the_memory():
    found = advice(target=Target(2, memory=100 << 20))
    assert 64 <= found.settings.connections < 4000
    assert found.memory_limit <= 100 << 20
    little = advice(target=Target(2, memory=32 << 20))
    assert any("too little" in note for note in little.notes)


def test_caches_count_into_the_memory():
    assert advice(around=Around(64 << 20, 4096)).memory_limit > advice().memory_limit + (64 << 20)


def test_what_spoils_the_figures_is_said():
    points = (point(1, 1), point(1, 16, 10_500.0, limit="generator"), point(1, 64, limit="generator"))
    notes = "\n".join(advice(measured(points, others=0.4), Target(8), around=Around(0, 128)).notes)
    for words in (
        "there are 2 cores here",
        "load generator was at its end",
        "other processes used 40%",
        "somaxconn is 128",
    ):
        assert words in notes


def told(found, target, configured=CONFIGURED):
    advised = advice(found, target, configured)
    lines = tuple(verdict(found, advised, configured))
    return Result(
        "gateway.yaml", "a machine", "route item: GET /", "echo", target, configured, found, advised, lines, ()
    )


def test_the_verdict_says_what_is_better_and_what_is_worse():
    duel = (
        paced(0.3, workers=1, rounds=[5.0, 5.1, 5.2]),
        paced(0.3, workers=2, cpu_us=120.0, memory_mb=80.0, rounds=[2.0, 2.1]),
    )
    (line, *_) = told(measured(duel=duel), Target(2, 3_000.0, 0.02)).verdict
    assert "1 fewer cores" in line and "CPU per request 17% lower" in line and "memory 12% lower" in line
    assert "p99 149% higher" in line and "within 20 ms" in line


def test_the_verdict_says_why_nothing_is_better():
    assert any("nothing to gain" in line for line in told(measured(), Target(2), Settings(1, 4000)).verdict)


@pytest.mark.parametrize("target", [Target(2), Target(2, 3_000.0, 0.02, 1 << 30), Target(1, 9e4, 0.001, 32 << 20)])
def test_text_and_json_have_the_same_advice(target):
    result = told(measured(), target)
    text, found = as_text(result), json.loads(json.dumps(as_json(result), allow_nan=False))
    assert f"{found['advice']['settings']['connections']:,}" in text
    assert f"{found['advice']['cpu_us']:,.0f} CPU seconds for a million requests" in text
    assert len(found["found"]["points"]) == 4 and found["format"] == 1
    assert "<- knee" in text and "universal scalability law" in text


def test_a_pod_is_planned_with_no_more_than_was_borne():
    # load and workers shared the cores: what was seen is little beside what CPU alone would allow
    points = tuple(point(1, at, 2_500.0, cpu_us=20.0, limit="cores") for at in (1, 16, 64))
    curve = (paced(0.075, 2.0), paced(0.125, 50.0))
    found = advice(measured(points, curve), Target(1, 10_000.0, 0.02))
    assert found.borne * found.capacity == pytest.approx(750)
    assert found.planned == pytest.approx(600) and found.pods == 17
    assert any("not by CPU" in note for note in found.notes)


def test_p99_does_not_hold_where_more_than_one_in_a_hundred_has_no_answer():
    assert sustainable_rate([paced(0.5, 2.0, answered=985, failed=15)], 0.02)[0] == 0.0
    assert sustainable_rate([paced(0.5, 2.0, answered=995, failed=5)], 0.02)[0] == 0.5


def test_both_of_a_duel_can_do_its_rate():
    points = [point(1, rps=10_000.0), point(2, rps=18_000.0), point(4, rps=30_000.0)]
    assert fair_rate(points, 4, 1, Target(4)) == pytest.approx(7_000)
    assert fair_rate(points, 1, 4, Target(4)) == pytest.approx(7_000)
    assert fair_rate(points, 4, 3, Target(4)) == pytest.approx(12_600)
    assert fair_rate(points, 2, 64, Target(4, 5_000.0)) == 5_000
    assert fair_rate(points, 2, 1, Target(4, 12_000.0)) == pytest.approx(7_000)


def test_what_failed_in_a_duel_is_told():
    duel = (paced(0.3, workers=1, answered=900, failed=100), paced(0.3, workers=2))
    (line, *_) = told(measured(duel=duel), Target(2, 3_000.0, 0.02)).verdict
    assert "100 of 1,000 requests to the advised failed" in line and "configured failed" not in line


def test_what_fails_is_not_called_slow():
    found = advice(measured(curve=(paced(0.5, 2.0, answered=900, failed=100), paced(0.7))))
    assert found.pods is None and found.borne == 0
    (note,) = [note for note in found.notes if "no number of pods helps" in note]
    assert note.startswith("100 of 1,000 requests failed at the lowest rate")


@pytest.mark.parametrize(("most", "words"), [(16, "costs no requests/s"), (256, "fewer than the 256 with which")])
def test_fewer_connections_than_the_most_was_done_with_are_said_to_cost(most, words):
    points = (point(1, 1, 3_000.0), point(1, most, 10_000.0), point(1, 512, 9_900.0))
    result = told(measured(points, each_kb=400.0), Target(1, memory=150 << 20), Settings(1, 4000))
    assert result.advice.settings.connections < 256
    assert any(words in line for line in result.verdict)
