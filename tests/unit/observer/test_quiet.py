from gateway.alerting.manager import AlertManager
from gateway.alerting.replication import AlertReplicator
from gateway.alerting.silence_store import SilenceStore
from gateway.alerting.silences import MOST_SILENCES, Silence
from gateway.state import MemoryStore
from gateway.state.store import StoreUnavailableError
from tests.support.clock import Clock
from tests.support.greenlets import until


class Flaky:
    """A store that may be out of reach."""

    def __init__(self, store):
        self.store, self.is_down = store, False

    def __getattr__(self, name):
        if self.is_down:
            raise StoreUnavailableError("it is down")
        return getattr(self.store, name)


def silence(clock, name="x"):
    return Silence(name, (("name", "errors"),), clock.now, clock.now + 60, "alice", "")


def learned(quiet):
    quiet.refresh()
    until(quiet._learning.ready)


def test_what_cannot_be_shared_is_handed_on_later(tmp_path):
    clock, store = Clock(), Flaky(MemoryStore(tmp_path))
    boards = AlertManager("a"), AlertManager("b")
    one, two = (SilenceStore(board, AlertReplicator(store, board.host, clock), clock) for board in boards)
    store.is_down = True
    assert one.add(silence(clock))
    learned(one)
    learned(two)
    assert list(boards[0].silences) == ["x"] and not boards[1].silences
    store.is_down = False
    learned(one)
    learned(two)
    assert list(boards[0].silences) == list(boards[1].silences) == ["x"]
    store.is_down = True
    assert two.end("x") and not two.end("x")
    learned(two)
    assert not boards[1].silences and boards[0].silences
    store.is_down = False
    learned(two)
    learned(one)
    assert not boards[0].silences
    store.store.close()


def test_there_is_not_room_for_ever(tmp_path):
    clock, store, board = Clock(), MemoryStore(tmp_path), AlertManager("a")
    board.silences = {str(number): silence(clock, str(number)) for number in range(MOST_SILENCES)}
    assert not SilenceStore(board, AlertReplicator(store, "a", clock), clock).add(silence(clock))
    store.close()
