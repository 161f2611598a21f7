"""The store that a configuration names."""

from __future__ import annotations

from pathlib import Path

from gateway.state.memory_store import CAPACITY, MemoryStore
from gateway.state.store import Store


def open_store(url: str, directory: Path, capacity: int = CAPACITY) -> Store:
    """The store for `store` of a configuration: "memory" keeps a file of `capacity` bytes in `directory`, else a Redis.

    Touches neither file nor network: the first call does.  ValueError has words for what is no URL of a store.
    """
    if url == "memory":
        return MemoryStore(directory, capacity=capacity)
    from gateway.state.redis.address import parse

    address = parse(url)
    from gateway.state.fail_fast_store import (
        FailFastStore,  # PERF: redis takes 9.5 MB and 0.1 s of a process that imports it
    )
    from gateway.state.redis.store import RedisStore

    return FailFastStore(RedisStore(address))
