"""Free-form configuration (`with:` of a plugin's policy) as values that cannot change."""

from collections.abc import Iterator, Mapping
from typing import Any


class FrozenDict(Mapping[str, Any]):
    """A read-only mapping that pickles and hashes; its values are scalars, tuples and FrozenMaps."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: tuple[tuple[str, Any], ...] = ()) -> None:
        self._pairs = pairs

    def __getitem__(self, key: str) -> Any:
        for name, value in self._pairs:
            if name == key:
                return value
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __hash__(self) -> int:
        return hash(frozenset(self._pairs))

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return FrozenDict, (self._pairs,)

    def __repr__(self) -> str:
        return f"FrozenMap({dict(self._pairs)!r})"


def freeze(value: Any) -> Any:
    """Plain JSON-like data as FrozenMaps, tuples and scalars."""
    if isinstance(value, dict):
        return FrozenDict(tuple((name, freeze(item)) for name, item in value.items()))
    if isinstance(value, list):
        return tuple(freeze(item) for item in value)
    return value


def unfreeze(value: Any) -> Any:
    """The plain data that was frozen."""
    if isinstance(value, FrozenDict):
        return {name: unfreeze(item) for name, item in value.items()}
    return [unfreeze(item) for item in value] if isinstance(value, tuple) else value
