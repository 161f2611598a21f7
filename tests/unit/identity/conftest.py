"""What many tests of identity stand on: a clock that is set, and a store by that clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.state import MemoryStore
from tests.support.clock import Clock
from tests.unit.identity.workers import Switched


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(tmp_path: Path, clock: Clock) -> Iterator[MemoryStore]:
    made = MemoryStore(tmp_path, clock=clock.nanoseconds)
    yield made
    made.close()


@pytest.fixture
def store(memory: MemoryStore) -> MemoryStore:
    return memory


@pytest.fixture
def switched(memory: MemoryStore) -> Switched:
    """The store as workers that are threads may share it, and as one that may be switched off."""
    memory.sweep(1)  # NOTE: it is opened by one thread; greenlets, which are what a worker has, cannot meet in there
    return Switched(memory)
