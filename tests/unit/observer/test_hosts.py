"""Several hosts on one store: who has an alert in hand has it wherever it fires."""

from itertools import pairwise

import pytest

from gateway.alerting import component as module
from gateway.alerting.escalation import Ack
from gateway.alerting.silences import Silence
from gateway.state import MemoryStore
from gateway.state.store import StoreUnavailableError
from tests.support.clock import Clock
from tests.unit.observer.test_again import Told
from tests.unit.observer.test_alerts import BAD, ERRORS, GOOD, Stand


class Hosts:
    """Three of them, on one clock."""

    def __init__(self, folder, monkeypatch, make=Stand):
        self.clock = Clock()
        self.store = MemoryStore(folder, clock=self.clock.nanoseconds)
        monkeypatch.setattr(module, "open_store", lambda *arguments: self.store)
        self.all = []
        for name in "abc":
            (folder / name).mkdir()
            self.all.append(make(folder / name, ERRORS, self.clock))
        self.a, self.b, self.c = self.all

    def seconds(self, count, *held):
        for _ in range(count):
            for each, figures in zip(self.all, held, strict=True):
                each.world.history.held = figures
                each.part.tick(self.clock.now, figures)
                each.settle()
            self.clock.now += 1

    @property
    def sent(self):
        """By all."""
        return [note for each in self.all for note in each.sent]

    def acks(self):
        return [each.part.board.rows()[0]["acknowledged_by"] for each in self.all]

    def take(self, host, name="errors", **labels):
        return host.part.acknowledge(name, Ack("alice", self.clock.now), labels)


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    made = Hosts(tmp_path, monkeypatch)
    yield made
    for each in made.all:
        each.part.close()


def test_by_a_host_that_does_not_see_it(hosts):
    hosts.seconds(10, BAD, BAD, GOOD)
    assert hosts.sent == [("errors", "firing", 1)]
    assert hosts.take(hosts.c, "other") == hosts.take(hosts.c, route="x") == []
    (row,) = hosts.take(hosts.c, route="item")
    assert (row["name"], row["state"], row["acknowledged_by"]) == ("errors", "acknowledged", "alice")
    hosts.seconds(3, BAD, BAD, GOOD)
    assert hosts.acks() == ["alice", "alice", None]
    hosts.seconds(300, BAD, BAD, GOOD)
    assert hosts.sent == [("errors", "firing", 1), ("errors", "acknowledged", 1)], "no further tier, and told once"
    hosts.seconds(20, BAD, GOOD, GOOD)
    assert len(hosts.sent) == 2
    hosts.seconds(20, GOOD, GOOD, GOOD)
    assert max(hosts.sent) == ("errors", "resolved", 1) and len(hosts.sent) == 3
    assert hosts.take(hosts.c) == [], "it is over everywhere"


def test_it_holds_for_a_host_that_sees_it_later(hosts):
    hosts.seconds(10, BAD, GOOD, GOOD)
    hosts.take(hosts.c)
    hosts.seconds(100, BAD, BAD, GOOD)
    assert hosts.acks() == ["alice", "alice", None]
    hosts.seconds(100, GOOD, BAD, GOOD)
    assert sorted(hosts.sent) == [("errors", "acknowledged", 1), ("errors", "firing", 1)]


def test_before_the_next_tier_even_when_a_host_has_not_heard_of_it(hosts):
    hosts.seconds(65, BAD, BAD, GOOD)
    hosts.take(hosts.c)
    hosts.seconds(10, BAD, BAD, GOOD)  # the second tier is due at once
    hosts.seconds(20, GOOD, GOOD, GOOD)
    assert sorted(hosts.sent) == [("errors", state, 1) for state in ("acknowledged", "firing", "resolved")]


def test_nobody_was_told_yet(hosts):
    for each in hosts.all:
        each.part.silence(Silence("x", (("name", "errors"),), hosts.clock.now, hosts.clock.now + 30, "bob", ""))
    hosts.seconds(10, BAD, GOOD, GOOD)
    assert len(hosts.take(hosts.b)) == 1
    hosts.seconds(100, BAD, GOOD, GOOD)
    assert hosts.sent == [] and hosts.acks()[0] == "alice"
    hosts.seconds(40, GOOD, GOOD, GOOD)
    assert hosts.take(hosts.b) == []
    hosts.seconds(10, BAD, GOOD, GOOD)
    assert hosts.sent == [("errors", "firing", 1)], "an acknowledgement ends with its alert"


def test_the_store_is_out_of_reach(hosts, monkeypatch):
    hosts.seconds(10, BAD, BAD, GOOD)

    def fail(*arguments):
        raise StoreUnavailableError("it is down")

    with monkeypatch.context() as trouble:
        for name in ("get", "scan", "set_if_absent", "compare_and_set"):
            trouble.setattr(type(hosts.store), name, fail)
        with pytest.raises(StoreUnavailableError):
            hosts.take(hosts.c)
        assert len(hosts.take(hosts.a)) == 1, "what it sees itself, it has in hand"
        hosts.seconds(3, BAD, BAD, GOOD)
        assert hosts.acks() == ["alice", None, None]
    hosts.seconds(3, BAD, BAD, GOOD)
    assert hosts.acks() == ["alice", "alice", None], "once the store is back, all know"


def test_one_of_all_hosts_tells_an_alertmanager_again(tmp_path, monkeypatch):
    hosts = Hosts(tmp_path, monkeypatch, Told)
    hosts.seconds(200, BAD, BAD, GOOD)
    assert [second for second, *_ in sorted(hosts.a.posts + hosts.b.posts)] == [5, 65, 125, 185]
    hosts.seconds(20, GOOD, BAD, GOOD)  # over where it was told
    hosts.seconds(200, GOOD, BAD, GOOD)
    after = [post for post in hosts.b.posts if post[0] > 185]
    assert len(after) >= 3 and {state for _, state, _ in after} == {"firing"}
    assert all(b - a <= 120 for (a, *_), (b, *_) in pairwise(after))
    for each in hosts.all:
        each.part.close()
