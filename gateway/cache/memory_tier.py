"""Memory tier of a worker's cache, bounded in bytes.

The order of eviction is that of S3-FIFO (Yang and others, SOSP 2023): what is new waits in a small queue, and only what
is asked for again moves on to the main one, so that a crawler that asks for everything once throws out nothing of use.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, Protocol, TypeVar

#: bytes that a key and its place in the queues come to, beside what the value says of itself
OVERHEAD: Final = 400
#: the share of the small queue is one in so many
SMALL: Final = 10
#: the share that no value may exceed
QUARTER: Final = 4
_OFTEN: Final = 3


class SizedEntry(Protocol):
    """What knows how many bytes it takes."""

    size: int


V = TypeVar("V", bound=SizedEntry)


class _Node(Generic[V]):
    __slots__ = ("cost", "is_main", "key", "uses", "value")

    def __init__(self, key: str, value: V, cost: int, is_main: bool) -> None:
        self.key = key
        self.value: V | None = value
        self.cost = cost
        self.uses = 0
        self.is_main = is_main


class MemoryTier(Generic[V]):
    """Values by key; `capacity` is bytes, and may be changed."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self._used_small = 0
        self._nodes: dict[str, _Node[V]] = {}
        self._small: deque[_Node[V]] = deque()
        self._main: deque[_Node[V]] = deque()
        #: hashes of the keys that left the small queue not long ago, the oldest first: keys may be long
        self._ghosts: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, key: str) -> V | None:
        """The value, or None."""
        node = self._nodes.get(key)
        if node is None:
            return None
        if node.uses < _OFTEN:
            node.uses += 1
        return node.value

    def set(self, key: str, value: V) -> None:
        """Keep a value, if it is not too large to be kept beside others."""
        cost = OVERHEAD + len(key) + value.size
        if cost > self.capacity // QUARTER:
            self.drop(key)
            return
        node = self._nodes.get(key)
        if node is None:
            is_main = self._ghosts.pop(hash(key), self) is None
            node = self._nodes[key] = _Node(key, value, 0, is_main)
            (self._main if is_main else self._small).append(node)
        node.value = value
        self._weigh(node, cost)
        self._fit()

    def drop(self, key: str) -> None:
        """Forget a value.  Its place in the queue stays, or a key set and dropped in turns would have a thousand."""
        node = self._nodes.get(key)
        if node is not None:
            node.value = None
            self._weigh(node, OVERHEAD + len(key))

    def resize(self, capacity: int) -> None:
        """Another capacity from now on."""
        self.capacity = capacity
        self._fit()

    def _weigh(self, node: _Node[V], cost: int) -> None:
        more = cost - node.cost
        node.cost = cost
        self.used += more
        if not node.is_main:
            self._used_small += more

    def _fit(self) -> None:
        while self.used > self.capacity and self._nodes:
            if self._small and (self._used_small > self.capacity // SMALL or not self._main):
                self._leave_small(self._small.popleft())
            else:
                self._leave_main(self._main.popleft())

    def _leave_small(self, node: _Node[V]) -> None:
        self._used_small -= node.cost
        if node.uses > 1 and node.value is not None:
            node.is_main, node.uses = True, 0
            self._main.append(node)
            return
        self._forget(node)
        self._ghosts[hash(node.key)] = None
        if len(self._ghosts) > max(64, len(self._nodes)):
            del self._ghosts[next(iter(self._ghosts))]

    def _leave_main(self, node: _Node[V]) -> None:
        if node.uses and node.value is not None:
            node.uses -= 1
            self._main.append(node)
        else:
            self._forget(node)

    def _forget(self, node: _Node[V]) -> None:
        self.used -= node.cost
        del self._nodes[node.key]
