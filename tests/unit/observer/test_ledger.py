import pytest

from gateway.alerting.escalation import Ack
from gateway.alerting.matching import Silence
from gateway.observer.paging.ledger import ALIVE, PREFIX, Ledger
from gateway.shared import MemoryStore
from gateway.shared.store import StoreUnavailableError
from tests.support.clock import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hosts(tmp_path, clock):
    """Two hosts on one store."""
    store = MemoryStore(tmp_path, clock=clock.nanoseconds)
    yield Ledger(store, "a", clock), Ledger(store, "b", clock), store
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
    b.refresh("errors")
    clock.now += ALIVE - 1
    assert not b.leave("errors"), "it might be there"
    clock.now += 2
    assert b.claim("errors", 1), "nobody sees it any more: it begins anew"
    assert b.leave("errors")


def test_an_acknowledgement_is_known_everywhere(hosts):
    a, b, _ = hosts
    a.claim("errors", 1)
    assert b.refresh("errors") is None
    ack = Ack("alice", 5.0, "on it")
    a.acknowledge("errors", ack)
    assert b.refresh("errors") == ack
    a.leave("errors")
    b.leave("errors")
    assert b.refresh("errors") is None


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
    ledger = Ledger(Down(), "a", clock)
    assert ledger.claim("errors", 1) and ledger.claim("errors", 1), "better twice than never"
    assert ledger.refresh("errors") is None and ledger.leave("errors") and ledger.silences() is None
    ledger.acknowledge("errors", Ack("alice", 1.0))
    with pytest.raises(StoreUnavailableError):
        ledger.change_silences(lambda kept: None)
