"""An Alertmanager is told again and again while an alert fires; on a clock that a test moves."""

import pytest

from gateway.alerting import repeats as again
from gateway.alerting.bodies import ALERTMANAGER_ENDS
from gateway.alerting.channels.outbox import ROOM, Outbox
from gateway.alerting.channels.sending import DeliveryError
from gateway.alerting.escalation import Ack
from gateway.alerting.options import Channel
from gateway.config.document import loads
from tests.support.greenlets import until
from tests.unit.alerting.boards import Desk
from tests.unit.alerting.notes import note
from tests.unit.observer.test_alerts import BAD, ERRORS, GOOD, HEAD, Stand

BOTH = HEAD.replace("{webhook:", '{alertmanager: "http://127.0.0.1:9/am", webhook:', 1)


class Told(Stand):
    """`posts` are (seconds since the start, state, tier) of what an Alertmanager was told, `others` of all others."""

    def __init__(self, folder, alerts=ERRORS, clock=None):
        self.posts, self.others = [], []
        super().__init__(folder, alerts, clock)

    def read(self, alerts):
        self.part.configure(loads(BOTH + alerts))

    def send(self, channel, note):
        to = self.posts if channel.kind == "alertmanager" else self.others
        to.append((round(self.clock.now - 1_800_000_000), note.state, note.tier))
        assert note.at == self.clock.now, "its end is counted from now"
        return "answered 200"


def test_while_it_fires_and_until_it_is_resolved(tmp_path):
    made = Told(tmp_path)
    made.seconds(250, BAD)
    made.part.acknowledge("errors", Ack("alice", made.clock.now), {})
    made.seconds(100, BAD)
    made.seconds(200, GOOD)
    assert made.posts == [
        (5, "firing", 1), (65, "firing", 1), (125, "firing", 1), (185, "firing", 1), (245, "firing", 1),
        (250, "acknowledged", 1), (305, "acknowledged", 1), (365, "resolved", 1),
    ]  # fmt: skip
    assert made.others == [
        (5, "firing", 1), (65, "firing", 2), (250, "acknowledged", 1), (250, "acknowledged", 2), (365, "resolved", 1),
        (365, "resolved", 2),
    ]  # fmt: skip
    made.part.close()


def test_another_observer_goes_on_at_once(tmp_path):
    made = Told(tmp_path)
    made.seconds(10, BAD)
    made.part.close()
    made.clock.now += 300
    later = Told(tmp_path, clock=made.clock)
    later.seconds(100, BAD)
    assert later.posts == [(310, "firing", 1), (370, "firing", 1)]
    later.seconds(30, GOOD)
    assert later.posts[2:] == [(425, "resolved", 1)]
    later.part.close()


def test_a_clock_that_is_set_back_does_not_end_it(tmp_path):
    made = Told(tmp_path)
    made.seconds(10, BAD)
    made.clock.now -= 3600
    made.seconds(1, BAD)
    assert made.posts[1:] == [(-3590, "firing", 1)]
    made.part.close()


@pytest.mark.parametrize("count", [1, again.PACE * 10])
def test_all_are_told_long_before_they_would_end_there(count):
    """Of so many that fire at once, each is told again in time, and never more than there is a pace."""
    made = Desk("\n".join(f'  - {{name: a{n}, when: "error_rate(5m) > 2%", severity: page}}' for n in range(count)))
    made.second(**{f"a{n}": True for n in range(count)})
    alerting, told = loads(BOTH + ERRORS).alerting, again.RepeatScheduler()
    assert told.due(made.board.firing(), alerting, made.notes, made.now) == []
    last = dict.fromkeys((live.key for live in made.board.firing()), made.now)
    for second in range(1, 300):
        found = told.due(made.board.firing(), alerting, [], made.now + second)
        assert len(found) <= again.PACE
        last |= {live.key: made.now + second for live in found}
        assert second - min(last.values()) + made.now < ALERTMANAGER_ENDS / 5
    made.board.firing()[0].course.end(made.now)
    told.due(made.board.firing(), alerting, [], made.now + 300)
    assert len(told._told) == count - 1, "what is over is forgotten"


AM = Channel("alertmanager", "http://127.0.0.1:9/", "alertmanager test")


def test_what_waits_is_brought_up_to_date_and_takes_nobodys_room():
    sent = []

    def refuse(channel, note):
        raise DeliveryError("it is down")

    outbox = Outbox(refuse)
    outbox.put(AM, note(at=1.0))
    until(lambda: outbox.counts)
    outbox.again(AM, note(at=100.0, state="acknowledged"))
    assert [(each.at, each.state) for _, each in outbox.unsent] == [(100.0, "acknowledged")]
    outbox.put(AM, note(at=101.0, state="resolved"))
    outbox.again(AM, note(at=102.0))
    assert [(each.at, each.state) for _, each in outbox.unsent] == [(102.0, "firing"), (101.0, "resolved")]
    for number in range(ROOM):
        outbox.again(AM, note(key=f"a{number}"))
    assert outbox.waiting == ROOM // 2 and ("alertmanager", "dropped") not in outbox.counts
    outbox.send = lambda channel, note: sent.append(note) or "answered 200"
    outbox.close(0)
