"""The buffer of lines against its oracle."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.access_log_line import CombinedLine, JsonLine
from gateway._fast.log_buffer import Batch
from gateway.observability.access_log import SECRETS
from tests.exchanges import exchange
from tests.oracles import batch_oracle, line_oracle

NOW, ENDED = 1_795_000_000.25, 100.5
STAMP = "18/Nov/2026:11:06:40 +0000"

actions = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 200)),
    st.tuples(st.just("write"), st.integers(1, 400), st.integers(1, 400)),
    st.tuples(st.just("discard")),
)


@given(st.lists(actions, max_size=40), st.integers(100, 1000))
def test_a_batch_is_what_the_oracle_is(done: list[tuple], limit: int) -> None:
    batch, twin = Batch(limit, 64, lambda: None, lambda: None), batch_oracle.Batch(limit)
    line = CombinedLine(batch, (), SECRETS)
    for action, *sizes in done:
        if action == "add":
            asked = exchange(target="/" + "x" * sizes[0])
            line.add(asked, NOW, ENDED)
            if twin.takes():
                note = f'- - - [{STAMP}] "-" 0 - "-" "{twin.dropped} lines dropped"\n' if twin.dropped else ""
                twin.waiting += (note + line_oracle.as_combined(asked, NOW, ENDED)).encode()
                twin.note()
        elif action == "write":
            size, taken = sizes
            data = batch.chunk(size)
            assert data == twin.chunk(size)
            batch.consume(min(taken, len(data)))
            twin.consume(min(taken, len(data)))
        else:
            batch.discard()
            twin.discard()
        assert (len(batch), batch.dropped) == (len(twin.waiting), twin.dropped)
    assert batch.chunk(1 << 20) == twin.waiting


def test_the_owner_is_told_of_the_first_line_and_of_a_full_batch() -> None:
    told: list[str] = []
    batch = Batch(1 << 20, 1000, lambda: told.append("first"), lambda: told.append("full"))
    line = JsonLine(batch, (), SECRETS)
    while "full" not in told:
        line.add(exchange(), NOW, ENDED)
    assert told == ["first", "full"]
    assert len(batch) >= 1000
    batch.consume(len(batch))
    line.add(exchange(), NOW, ENDED)
    assert told == ["first", "full", "first"]


def test_a_json_line_says_how_many_are_missing() -> None:
    batch = Batch(1, 64, lambda: None, lambda: None)
    line = JsonLine(batch, (), SECRETS)
    for _ in range(4):
        line.add(exchange(), NOW, ENDED)
    assert batch.dropped == 3
    batch.consume(len(batch))
    line.add(exchange(), NOW, ENDED)
    note, text = batch.chunk(1 << 20).splitlines()
    assert json.loads(note) == {"time": "2026-11-18T11:06:40.250Z", "dropped": 3}
    assert json.loads(text)["status"] == 0
    assert batch.dropped == 0


def test_memory_of_a_stall_is_given_back_and_the_batch_goes_on() -> None:
    batch = Batch(1 << 20, 64, lambda: None, lambda: None)
    line = JsonLine(batch, (), SECRETS)
    for _ in range(3):
        for _ in range(500):
            line.add(exchange(), NOW, ENDED)
        assert batch.chunk(1 << 20).count(b"\n") == 500
        batch.consume(len(batch))
    assert batch.chunk(10) == b""
