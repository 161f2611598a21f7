"""The autoscaler's arithmetic, by the examples and rules of the Kubernetes documentation."""

from perf.simulation.hpa import Autoscaler, Policy, Rules, desired

FREE = Rules()


def test_the_ratio_is_rounded_up():
    assert desired(1, [2.0], 0, 1.0) == 2, "200m where 100m is wanted: doubled"
    assert desired(2, [0.5, 0.5], 0, 1.0) == 1, "50m: halved"
    assert desired(3, [0.9, 0.9, 0.9], 0, 0.7) == 4
    assert desired(10, [0.7 * 3] * 10, 0, 0.7) == 30, "no pod more by rounding"


def test_within_a_tenth_nothing_changes():
    assert desired(10, [0.76] * 10, 0, 0.7) == 10
    assert desired(10, [0.64] * 10, 0, 0.7) == 10
    assert desired(10, [0.78] * 10, 0, 0.7) == 12


def test_who_is_silent_counts_as_idle_when_more_are_wanted():
    assert desired(4, [2.0, 2.0], 2, 1.0) == 4, "with two idle ones it is what is wanted"
    assert desired(4, [4.0, 4.0], 2, 1.0) == 8
    assert desired(4, [1.5, 1.5], 2, 1.0) == 4, "the direction would turn round"


def test_who_is_silent_counts_as_at_its_target_when_fewer_are_wanted():
    assert desired(4, [0.2, 0.2, 0.2], 1, 1.0) == 2
    assert desired(10, [0.85], 9, 1.0) == 10, "with the others within the tolerance"
    assert desired(5, [], 5, 1.0) == 5, "nothing is known"


def test_growth_is_held_by_the_larger_policy():
    up = Rules((Policy("Percent", 100, 15), Policy("Pods", 4, 15)))
    scaler = Autoscaler(1, 100, 1.0, up, FREE)
    counts = [1]
    for look in range(5):
        counts.append(scaler.look(15.0 * look, counts[-1], [50.0 / counts[-1]] * counts[-1], 0))
    assert counts == [1, 5, 10, 20, 40, 50], "four more, then twice as many each 15 s"


def test_a_period_counts_what_was_added_within_it():
    scaler = Autoscaler(1, 100, 1.0, Rules((Policy("Pods", 4, 60),)), FREE)
    assert scaler.look(0, 1, [9.0], 0) == 5
    assert scaler.look(15, 5, [9.0] * 5, 0) == 5
    assert scaler.look(60, 5, [9.0] * 5, 0) == 9


def test_shrinking_waits_for_its_window_and_goes_slowly():
    down = Rules((Policy("Percent", 10, 60), Policy("Pods", 2, 60)), window=300, select="Min")
    scaler = Autoscaler(1, 100, 1.0, FREE, down)
    assert scaler.look(0, 40, [1.0] * 40, 0) == 40
    assert scaler.look(285, 40, [0.1] * 40, 0) == 40, "five minutes ago 40 were wanted"
    assert scaler.look(315, 40, [0.1] * 40, 0) == 38, "two are less than a tenth of 40"
    assert scaler.look(330, 38, [0.1] * 38, 0) == 38, "both of this minute are gone"
    assert scaler.look(376, 38, [0.1] * 38, 0) == 36


def test_one_look_up_within_the_window_holds_it():
    down = Rules(window=300)
    scaler = Autoscaler(1, 100, 1.0, FREE, down)
    assert scaler.look(0, 10, [0.5] * 10, 0) == 5
    scaler = Autoscaler(1, 100, 1.0, FREE, down)
    assert [scaler.look(t, 10, [u] * 10, 0) for t, u in ((0, 0.5), (15, 0.8), (30, 0.2))] == [5, 8, 8]


def test_there_are_bounds():
    scaler = Autoscaler(3, 30, 1.0, FREE, FREE)
    assert scaler.look(0, 10, [9.0] * 10, 0) == 30
    assert scaler.look(15, 30, [0.01] * 30, 0) == 3
