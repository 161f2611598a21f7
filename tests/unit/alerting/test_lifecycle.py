from gateway.alerting.alert_state import AlertState, Timing


def run(verdicts, timing, step=1.0, start=1000.0):
    """(course, what each verdict changed)."""
    course, turns = AlertState(), []
    for number, holds in enumerate(verdicts):
        turn = course.advance(holds, start + number * step, timing)
        if turn:
            turns.append((number * step, turn))
    return course, turns


def test_it_has_to_hold_for_a_while():
    course, turns = run([True] * 60, Timing(60, 15))
    assert course.state == "pending" and not turns
    course, turns = run([True] * 61, Timing(60, 15))
    assert course.state == "firing" and turns == [(60.0, "fired")]
    assert (course.since, course.fired) == (1000.0, 1060.0)


def test_a_short_one_never_fires():
    course, turns = run(([True] * 30 + [False]) * 10, Timing(60, 15))
    assert course.state == "inactive" and not turns


def test_at_once():
    assert run([True], Timing(0, 15))[1] == [(0.0, "fired")]


def test_it_has_to_be_gone_for_a_while():
    _, turns = run([True] + [False] * 15, Timing(0, 15))
    assert turns == [(0.0, "fired")]
    course, turns = run([True] + [False] * 16, Timing(0, 15))
    assert turns == [(0.0, "fired"), (16.0, "resolved")] and course.state == "resolved"


def test_a_flapping_signal_fires_once():
    for period in (1, 5, 14):
        _, turns = run(([True] * period + [False] * period) * 40, Timing(0, 15))
        assert [turn for _, turn in turns] == ["fired"], period


def test_what_flaps_slower_is_held_longer_each_time():
    _, turns = run(([True] * 30 + [False] * 30) * 30, Timing(0, 15))
    assert [turn for _, turn in turns] == ["fired", "resolved", "fired"], "after 15 s, then held for 30 s"


def test_no_data_is_not_well():
    course, turns = run([True, True] + [None] * 500, Timing(0, 15))
    assert course.state == "firing" and [turn for _, turn in turns] == ["fired"]
    course, _ = run([True] + [None] * 500, Timing(60, 15))
    assert course.state == "inactive", "nothing fires on nothing"


def test_no_data_may_be_taken_for_well_or_for_an_alert():
    assert run([True] + [None] * 20, Timing(0, 15, "ok"))[1][-1] == (16.0, "resolved")
    assert run([None] * 20, Timing(5, 15, "alert"))[1] == [(5.0, "fired")]


def test_a_resolved_one_is_shown_for_an_hour():
    course, _ = run([True] + [False] * 16, Timing(0, 15))
    course.advance(False, 1016 + 3600, Timing(0, 15))
    assert course.state == "resolved"
    course.advance(False, 1016 + 3601, Timing(0, 15))
    assert course.state == "inactive"


def test_the_end_of_a_rule():
    course, _ = run([True], Timing(0, 15))
    assert course.end(2000.0) == "resolved" and course.end(2001.0) == ""


def test_a_clock_that_is_set_back_holds_nothing_up():
    course, timing = AlertState(), Timing(60, 15)
    course.advance(True, 100_000.0, timing)
    turns = [course.advance(True, 10_000.0 + second, timing) for second in range(61)]
    assert turns[-1] == "fired" and (course.since, course.fired) == (10_000.0, 10_060.0)
    course.advance(False, 50_000.0, timing)
    assert [course.advance(False, 20_000.0 + second, timing) for second in range(16)][-1] == "resolved"
