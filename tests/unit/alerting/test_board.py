import pytest

from gateway.alerting.escalation import Ack
from gateway.alerting.manager import AlertManager
from gateway.alerting.silences import Silence
from tests.unit.alerting.boards import START, Desk

ERRORS = '  - {name: errors, when: "error_rate(5m) > 2%", for: 1m, severity: page}'
SLOW = '  - {name: slow, when: "p99(route=item, 5m) > 250ms", severity: warn, labels: {team: shop}}'
ODD = "  - {name: odd, anomaly: {metrics: [p99]}, severity: warn}"


def acked(desk, name="errors", by="alice"):
    count, notes = desk.board.acknowledge(name, Ack(by, desk.now, "on it"), {}, desk.now)
    desk.take(notes)
    return count


def silence(desk, seconds, **matchers):
    one = Silence("s1", tuple(matchers.items()), desk.now, desk.now + seconds, "alice", "maintenance")
    assert desk.board.silence(one)


def test_tiers_are_told_one_after_the_other():
    desk = Desk(ERRORS)
    desk.seconds(60 + 20 * 60 + 5, errors=True)
    assert desk.told == [
        (60, "errors", "firing", 1),
        (60 + 300, "errors", "firing", 2),
        (60 + 1200, "errors", "firing", 3),
    ]


def test_who_was_told_hears_the_end():
    desk = Desk(ERRORS)
    desk.seconds(400, errors=True)
    desk.seconds(100, errors=False)
    assert desk.told[2:] == [(460, "errors", "resolved", 1), (460, "errors", "resolved", 2)]
    desk.seconds(61, errors=True)
    assert desk.told[-1] == (560, "errors", "firing", 1), "and it begins anew"


def test_an_acknowledgement_stops_the_climb():
    desk = Desk(ERRORS)
    desk.seconds(70, errors=True)
    assert acked(desk) == 1
    desk.seconds(3600, errors=True)
    desk.seconds(70, errors=False)
    assert desk.told == [
        (60, "errors", "firing", 1),
        (70, "errors", "acknowledged", 1),
        (70 + 3600 + 60, "errors", "resolved", 1),
    ]
    assert desk.notes[1].by == "alice"
    desk.seconds(400, errors=True)
    assert desk.told[-1][2:] == ("firing", 2), "an acknowledgement ends with its alert"


def test_a_clock_that_is_set_back_does_not_keep_the_next_tier_from_being_told():
    desk = Desk(ERRORS)
    desk.seconds(70, errors=True)
    desk.now -= 86400
    desk.seconds(301, errors=True)
    assert [tier for *_, tier in desk.told] == [1, 2]


def test_only_what_fires_can_be_acknowledged():
    desk = Desk(ERRORS)
    desk.seconds(30, errors=True)
    assert acked(desk) == 0 and not desk.told


def test_a_flapping_signal_pages_once():
    desk = Desk('  - {name: errors, when: "error_rate(5m) > 2%", severity: page}')
    for _ in range(50):
        desk.seconds(7, errors=True)
        desk.seconds(7, errors=False)
    assert [entry for entry in desk.told if entry[3] == 1] == [(0, "errors", "firing", 1)]


def test_a_silence():
    desk = Desk(ERRORS)
    silence(desk, 600, name="err*")
    desk.seconds(650, errors=True)
    assert desk.told == [(600, "errors", "firing", 1)], "tiers count from the end of the silence"
    desk.seconds(300, errors=True)
    assert desk.told[-1] == (900, "errors", "firing", 2)


def test_who_was_told_hears_the_end_in_a_silence_too():
    desk = Desk(ERRORS)
    desk.seconds(61, errors=True)
    silence(desk, 6000, severity="page")
    desk.seconds(600, errors=True)
    desk.seconds(61, errors=False)
    assert [entry[2:] for entry in desk.told] == [("firing", 1), ("resolved", 1)]


def test_a_silence_of_others_does_not_matter():
    desk = Desk(ERRORS)
    silence(desk, 600, name="errors", team="shop")
    desk.seconds(61, errors=True)
    assert len(desk.told) == 1


def test_inhibition():
    desk = Desk(f"{ERRORS}\n{SLOW}", "inhibit: [{if: {severity: page}, mute: {severity: warn}}]")
    desk.seconds(70, errors=True, slow=False)
    desk.seconds(30, errors=True, slow=True)
    assert [entry[1] for entry in desk.told] == ["errors"]
    assert next(row for row in desk.board.rows() if row["name"] == "slow")["muted_by"] == "alert errors"
    desk.seconds(70, errors=False, slow=True)
    assert desk.told[-1][1:] == ("slow", "firing", 1)


def test_a_window_of_maintenance():
    # START is 2027-01-15 08:00 UTC, a Friday
    window = 'silences: [{matchers: {name: errors}, days: [fri], from: "07:00", to: "08:10", comment: deploys}]'
    desk = Desk(ERRORS, window)
    desk.seconds(700, errors=True)
    assert desk.told == [(600, "errors", "firing", 1)]


def test_one_alert_for_each_thing_that_is_unusual():
    desk = Desk(ODD)
    assert [row["key"] for row in desk.board.rows()] == []
    desk.second(odd=False)
    assert desk.board.rows() == []
    desk.second(odd=True)
    (note,) = desk.notes
    assert note.summary == "p99 of route item is 480 ms, expected 95-140 ms"
    assert (note.key, dict(note.labels)) == ("odd{metric=p99,route=item}", {"metric": "p99", "route": "item"})


def test_a_reload_keeps_what_fires():
    desk = Desk(ERRORS)
    desk.seconds(61, errors=True)
    acked(desk)
    desk.read(ERRORS.replace("2%", "3%") + "\n" + SLOW)
    desk.seconds(1000, errors=True, slow=False)
    assert [entry[2:] for entry in desk.told] == [("firing", 1), ("acknowledged", 1)]


def test_a_rule_that_goes_ends_its_alert():
    desk = Desk(f"{ERRORS}\n{SLOW}")
    desk.seconds(61, errors=True, slow=False)
    desk.read(SLOW)
    assert desk.told[-1][1:] == ("errors", "resolved", 1)
    assert "no longer there" in desk.notes[-1].summary
    assert [row["name"] for row in desk.board.rows()] == ["slow"]


def test_another_process_goes_on():
    desk = Desk(f"{ERRORS}\n{ODD}")
    desk.seconds(61, errors=True, odd=True)
    acked(desk)
    kept, later = desk.board.kept(), Desk(f"{ERRORS}\n{ODD}")
    later.board = AlertManager("gw-1")
    later.board.restore(kept)
    later.now = desk.now
    later.read(f"{ERRORS}\n{ODD}")
    keys = [each["key"] for each in kept]
    assert sorted(each["key"] for each in later.board.kept()) == sorted(keys) and len(keys) == 2, "though nobody looked"
    later.seconds(400, errors=True, odd=True)
    assert later.told == [], "all were told, and one is in hand"
    later.seconds(200, errors=False, odd=False)
    assert {entry[1:] for entry in later.told} == {("errors", "resolved", 1), ("odd", "resolved", 1)}


@pytest.mark.parametrize("kept", [[{}], ["x"], [{"key": "errors", "state": "odd"}], [{"key": "errors"}]])
def test_what_cannot_be_read_is_begun_anew(kept):
    desk = Desk(ERRORS)
    desk.board = AlertManager("gw-1")
    desk.board.restore(kept)
    desk.read(ERRORS)
    desk.seconds(61, errors=True)
    assert [entry[2:] for entry in desk.told] == [("firing", 1)]


def test_another_host_has_it_in_hand():
    desk = Desk(ERRORS)
    desk.seconds(61, errors=True)
    assert desk.board.adopt("nothing", Ack("bob", START), desk.now) == []
    desk.take(desk.board.adopt("errors", Ack("bob", START), desk.now))
    assert desk.board.adopt("errors", Ack("bob", START), desk.now) == [], "it is known"
    desk.seconds(1000, errors=True)
    assert desk.told == [(60, "errors", "firing", 1), (61, "errors", "acknowledged", 1)]
    assert desk.board.rows()[0]["acknowledged_by"] == "bob"
    desk.board.adopt("errors", Ack("carol", START + 1), desk.now)
    assert desk.board.rows()[0]["acknowledged_by"] == "carol", "the newest holds"


def test_a_tier_that_another_hosts_acknowledgement_kept_from_being_told_hears_no_end():
    desk = Desk(ERRORS)
    desk.seconds(361, errors=True)
    assert desk.board.adopt("errors", Ack("bob", START), desk.now, 2) == []
    desk.take(desk.board.adopt("errors", Ack("bob", START), desk.now))
    desk.seconds(70, errors=False)
    assert [each[2:] for each in desk.told[2:]] == [("acknowledged", 1), ("resolved", 1)]


def test_rows():
    desk = Desk(f"{ERRORS}\n{SLOW}")
    desk.seconds(61, errors=True, slow=False)
    row = desk.board.rows()[0]
    assert (row["name"], row["state"], row["severity"], row["value"]) == ("errors", "firing", "page", 0.05)
    assert (row["since"], row["fired_at"]) == ("2027-01-15T08:00:00Z", "2027-01-15T08:01:00Z")
    assert row["next_escalation"] == "2027-01-15T08:06:00Z" and row["tiers_told"] == [1] and row["tiers"] == 3
    assert row["summary"] == "error_rate(5m) is 5 %, above 2 %"
    acked(desk)
    row = desk.board.rows()[0]
    assert (row["state"], row["acknowledged_by"], row["next_escalation"]) == ("acknowledged", "alice", None)
    assert desk.board.counts() == {("errors", "page", "firing"): 1, ("slow", "warn", "firing"): 0}


def test_summaries():
    desk = Desk(
        SLOW.replace(
            "labels", 'summary: "{name} of {labels.team}/{labels.route}: {value}, not {threshold} {labels.x}", labels'
        )
    )
    desk.second(slow=True)
    assert desk.notes[0].summary == "slow of shop/item: 50 ms, not 20 ms "


def test_an_objective():
    desk = Desk("  - {name: o, slo: {objective: 99.9%, route: item, slow: warn}, severity: page}")
    fast, slow = desk.rules
    assert fast.text == (
        '(error_rate(1h, route="item") > 1.44% and error_rate(5m, route="item") > 1.44%) or '
        '(error_rate(6h, route="item") > 0.6% and error_rate(30m, route="item") > 0.6%)'
    )
    assert slow.text == (
        '(error_rate(1d, route="item") > 0.3% and error_rate(2h, route="item") > 0.3%) or '
        '(error_rate(3d, route="item") > 0.1% and error_rate(6h, route="item") > 0.1%)'
    )
    assert (fast.severity, slow.severity, len(fast.delays), len(slow.delays)) == ("page", "warn", 3, 1)
    assert dict(fast.labels) == {"burn": "fast", "route": "item"}
    assert {row["key"] for row in desk.board.rows()} == {"o{burn=fast}", "o{burn=slow}"}
