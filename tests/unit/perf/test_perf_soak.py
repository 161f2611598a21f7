"""Slopes and verdicts of a soak, on series whose growth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from perf.__main__ import main
from perf.soak.command import LEAST, Seen, _reloading, line, text, verdict
from perf.soak.crowd import Crowd
from perf.soak.slopes import ALLOWED, judge, theil_sen
from perf.soak.visits import Visitor
from tests.support.gateway import wait_until

MB = 1 << 20
TIMES = [10.0 * number for number in range(40)]
FLAT = {"rss": 40.0 * MB, "fds": 25.0, "greenlets": 12.0, "objects": 67_000.0, "blocks": 250_000.0}


def seen(grow: dict[str, float] | None = None, workers: tuple[str, ...] = ("11", "12"), count: int = 40) -> Seen:
    """Samples in which the figures of the last worker grow by so much each time."""
    samples = []
    for number in range(count):
        held = {pid: dict(FLAT) for pid in workers}
        for name, step in (grow or {}).items():
            held[workers[-1]][name] += step * number
        samples.append((10.0 * number, held))
    return Seen(samples, {}, 1000, 5, 1)


def test_a_line_has_its_slope() -> None:
    found = theil_sen(TIMES, [3.0 * at + 7 for at in TIMES])
    assert found.value == pytest.approx(3.0)
    assert found.low == pytest.approx(3.0)


def test_a_third_of_outliers_moves_it_little() -> None:
    chance = random.Random(3)
    values = [5.0 * at + (chance.random() * 1e5 if number % 3 == 0 else 0) for number, at in enumerate(TIMES)]
    assert theil_sen(TIMES, values).value == pytest.approx(5.0, rel=0.5)


def test_noise_has_no_sure_slope() -> None:
    sure = 0
    for seed in range(100):
        chance = random.Random(seed)
        sure += theil_sen(TIMES, [chance.gauss(100, 10) for _ in TIMES]).low > 0
    assert sure <= 5  # one in a hundred is what LEVEL says


def test_few_samples_are_sure_of_nothing() -> None:
    assert theil_sen(TIMES[:7], TIMES[:7]).low == -math.inf
    assert theil_sen(TIMES[:8], TIMES[:8]).low > 0
    with pytest.raises(ValueError, match="two samples"):
        theil_sen([1.0, 1.0], [1.0, 2.0])


@pytest.mark.parametrize("figure", ALLOWED)
def test_what_grows_beyond_its_allowance_leaks(figure: str) -> None:
    start = FLAT[figure]
    allowed = ALLOWED[figure].of([start] * 40)
    for share, leaks in ((1.5, True), (0.5, False), (-2.0, False)):
        values = [start + share * allowed * number / 39 for number in range(40)]
        found = judge("worker 1", figure, TIMES, values)
        assert found.leaks == leaks, (figure, share)
        assert found.growth == pytest.approx(share * allowed, rel=0.2)


def saw(number: int) -> float:
    return 60_000.0 + 20_000 * (number % 7)


def step(number: int) -> float:
    return 60_000.0 if number < 4 else 90_000.0


@pytest.mark.parametrize("shape", [saw, step])
def test_a_saw_and_an_early_step_are_no_leaks(shape: Callable[[int], float]) -> None:
    assert not judge("worker 1", "objects", TIMES, [shape(number) for number in range(40)]).leaks


def test_a_gateway_that_holds_still_passes() -> None:
    findings, mistakes = verdict(seen())
    assert (len(findings), mistakes) == (10, [])
    assert text(seen(), findings, mistakes).endswith("\nPASSED")


def test_each_leak_is_named_with_its_numbers() -> None:
    findings, mistakes = verdict(seen({"fds": 1.0, "rss": MB / 2}))
    assert len(mistakes) == 2
    assert mistakes[0].startswith("worker 2 leaks rss: 40.0 to 59.5 MB, grew +19.5 of 4.0 allowed")
    assert mistakes[1].startswith("worker 2 leaks fds: 25.0 to 64.0, grew +39.0 of 4.0 allowed, +360 an hour")
    shown = text(seen(), findings, mistakes)
    assert shown.count("  LEAKS") == 2
    assert "PASSED" not in shown
    assert line(findings[0]) in shown


def test_what_cannot_be_judged_does_not_pass() -> None:
    assert verdict(seen(count=LEAST - 1))[1] == [f"{LEAST - 1} samples decide nothing"]
    assert verdict(Seen())[1] == [
        "0 samples decide nothing",
        "workers came or went: 0 were seen, 0 of them all the time",
    ]


def test_a_worker_that_ended_and_answers_that_should_not_be_are_mistakes() -> None:
    gone = seen()
    for _, workers in gone.samples[20:]:
        workers["13"] = workers.pop("12")
    gone.wrong = {"items: /item/5: 502": 3, "reload: refused": 0}
    findings, mistakes = verdict(gone)
    assert mistakes == ["workers came or went: 3 were seen, 1 of them all the time", "3 times items: /item/5: 502"]
    assert {each.worker for each in findings} == {"worker 1"}


def test_a_leak_that_is_not_known_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["soak", "--seed-leak", "time"])
    assert "invalid choice: 'time'" in capsys.readouterr().err


def test_a_reload_that_nobody_answers_and_a_visitor_that_breaks_are_mistakes() -> None:
    class Gone:
        number = 0

        def write(self, text: str = "") -> None: ...

        def ask(self, *_: object) -> None:
            raise OSError("timed out")

    def breaks(visitor: Visitor) -> None:
        raise KeyError("a")

    crowd, result = Crowd(1, [(breaks, 0.01)]), Seen()
    with crowd.coming(), _reloading(Gone(), crowd, result, 0.01):
        wait_until(lambda: len(crowd.wrong) == 2, "both were seen")
    assert set(crowd.wrong) == {"breaks: KeyError: 'a'", "reload: OSError: timed out"}


def test_the_master_is_judged_and_a_helper_that_comes_and_goes_is_not() -> None:
    grown = seen()
    for number, (_, held) in enumerate(grown.samples):
        held["master"] = {"fds": 10.0 + number}
        held["helper 40"] = {"fds": 9.0}
        if number > 20:
            held["helper 41"] = {"fds": 9.0 + number}
    findings, mistakes = verdict(grown)
    assert [each.worker for each in findings if each.figure == "fds"] == ["worker 1", "worker 2", "master", "helper 40"]
    assert [each.split(":")[0] for each in mistakes] == ["master leaks fds"]
