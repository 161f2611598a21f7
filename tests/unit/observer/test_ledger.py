import pytest

from gateway.alerting.escalation import Ack
from gateway.alerting.replication import ALIVE, PREFIX, AlertReplicator
from gateway.alerting.silences import Silence
from gateway.alerting.store_entry import Observation
from gateway.state import MemoryStore
from gateway.state.store import StoreUnavailableError
from tests.support.clock import Clock


def sight(key="errors", ack=None, *, is_told=True):
    return Observation(key, "errors", "page", {"route": "item", "name": "errors"}, 1_800_000_000.0, is_told, ack)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hosts(tmp_path, clock):
    """Two hosts on one store."""
    store = MemoryStore(tmp_path, clock=clock.nanoseconds)
    yield AlertReplicator(store, "a", clock), AlertReplicator(store, "b", clock), store
    store.close()


def test_a_tier_is_told_by_one_host(hosts):
    a, b, _ = hosts
    assert [a.claim("errors", 1), b.claim("errors", 1), b.claim("errors", 2), a.claim("errors", 2)] == [
        True, False, True, False,
    ]  # fmt: skip
    assert a.claim("slow", 1), "another alert"


def test_the_last_host_says_that_it_is_over(hosts):
    a, b, _ = hosts
    a.claim("errors", 1)
    b.claim("errors", 1)
    assert not a.leave("errors")
    assert b.leave("errors") and b.leave("errors")
    assert b.claim("errors", 1), "and it begins anew"


def test_a_host_that_is_gone_does_not_count(hosts, clock):
    a, b, _ = hosts
    a.claim("errors", 1)
    b.refresh(sight())
    clock.now += ALIVE - 1
    assert not b.leave("errors"), "it might be there"
    clock.now += 2
    assert b.claim("errors", 1), "nobody sees it any more: it begins anew"
    assert b.leave("errors")


def test_an_acknowledgement_is_known_everywhere(hosts):
    a, b, _ = hosts
    a.claim("errors", 1)
    assert b.refresh(sight()) == (None, False)
    ack = Ack("alice", 5.0, "on it")
    a.acknowledge("errors", ack)
    assert b.refresh(sight()) == (ack, False), "the host that has it tells people"
    assert b.claim("errors", 2) == ack, "nobody is told for its sake"
    assert b.claim("errors", 1) is False, "it was told before"
    a.leave("errors")
    b.leave("errors")
    assert b.refresh(sight()) == (None, False)


def test_an_acknowledgement_by_a_host_that_sees_nothing(hosts):
    a, b, store = hosts
    for each in (a, b):
        each.claim("errors", 1)
        each.refresh(sight())
    ack = Ack("alice", 5.0)
    elsewhere = AlertReplicator(store, "gw-3-aa", lambda: 1.0)
    assert elsewhere.take("other", {}, ack, ()) == elsewhere.take("errors", {"route": "x"}, ack, ()) == []
    assert elsewhere.take("errors", {}, ack, {"errors"}) == []
    (row,) = elsewhere.take("errors", {"route": "item"}, ack, ())
    assert (row["key"], row["state"], row["acknowledged_by"], row["tiers_told"]) == (
        "errors", "acknowledged", "alice", [1],
    )  # fmt: skip
    assert [a.refresh(sight()), b.refresh(sight())] == [(ack, True), (ack, False)], "one of them tells people"
    a.leave("errors")
    assert b.leave("errors"), "who took it in hand is none that sees it"


def test_nobody_was_told_yet(hosts):
    a, b, _ = hosts
    a.refresh(sight(is_told=False))
    ack = Ack("alice", 5.0)
    assert len(b.take("errors", {}, ack, ())) == 1
    assert a.refresh(sight(is_told=False)) == (ack, False) and a.claim("errors", 1) == ack
    b.claim("errors", 1)
    assert a.leave("errors") and not list(b.take("errors", {}, ack, ())), "it is over"


def test_who_was_not_told_says_no_end(hosts):
    a, b, _ = hosts
    a.claim("errors", 1)
    b.refresh(sight(is_told=False))
    assert a.leave("errors"), "all who were told are to hear of it"
    assert b.claim("errors", 1), "it fires there, and nobody knows"


def test_an_acknowledgement_that_the_store_did_not_hear_of(hosts):
    a, b, _ = hosts
    ack = Ack("alice", 5.0)
    a.claim("errors", 1)
    a.refresh(sight(ack=ack))
    assert b.refresh(sight()) == (ack, False)
    newer = Ack("bob", 6.0)
    b.acknowledge("errors", newer)
    assert a.refresh(sight(ack=ack)) == (newer, False)


def test_one_host_tells_again(hosts, clock):
    a, b, _ = hosts
    assert a.claim_again("errors", 1, 60) and not b.claim_again("errors", 1, 60)
    assert b.claim_again("errors", 2, 60)
    clock.now += 50
    assert b.claim_again("errors", 1, 60) and not a.claim_again("errors", 1, 60)


def test_silences_are_known_everywhere(hosts, clock):
    a, b, _ = hosts
    assert a.silences() == []
    one = Silence("x", (("name", "errors"),), clock.now, clock.now + 60, "alice", "")
    a.change_silences(lambda kept: kept.setdefault("x", one))
    assert b.silences() == [one]
    clock.now += 61
    b.change_silences(lambda kept: None)
    assert a.silences() == [], "what is over is thrown away"


@pytest.mark.parametrize("kept", [b"", b"no json", b"[]", b'{"hosts": 1, "tiers": {}}', b'{"hosts": {"b": "x"}}'])
def test_what_cannot_be_read_is_begun_anew(hosts, kept):
    a, _, store = hosts
    a.claim("errors", 1)
    (name,) = store.scan(PREFIX)
    store.set(name, kept, None)
    assert a.claim("errors", 1)


class Down:
    def __getattr__(self, name):
        def fail(*arguments):
            raise StoreUnavailableError("it is down")

        return fail


def test_without_a_store_each_host_speaks_for_itself(clock):
    ledger = AlertReplicator(Down(), "a", clock)
    assert ledger.claim("errors", 1) and ledger.claim("errors", 1), "better twice than never"
    assert ledger.claim_again("errors", 1, 60) and ledger.refresh(sight()) == (None, False)
    assert ledger.leave("errors") and ledger.silences() is None
    ledger.acknowledge("errors", Ack("alice", 1.0))
    with pytest.raises(StoreUnavailableError):
        ledger.change_silences(lambda kept: None)


def test_a_store_in_trouble_is_told_once_a_minute(clock, caplog):
    class Gone:
        def get(self, key):
            raise StoreUnavailableError("it is out of reach")

    alone = AlertReplicator(Gone(), "a", clock)
    for _ in range(70):
        assert alone.claim("errors", 1) and alone.leave("slow") and alone.refresh(sight()) == (None, False)
        clock.now += 1
    assert len(caplog.records) == 2
