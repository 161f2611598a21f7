"""Changes to a JSON value at paths (gateway.policies.transform.json_path), in place.

A path leads to nothing, one place or many.  Where it leads to nothing nothing happens, but that what is set makes the
objects on its way that are not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gateway.exchange import Exchange
from gateway.policies.transform.json_path import Steps


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a value: `select`, then `renames`, then `removes`, then `puts`, each in its order."""

    select: Callable[[Any], Any] | None
    renames: tuple[tuple[Steps, str], ...]
    removes: tuple[Steps, ...]
    puts: tuple[tuple[Steps, Callable[[Exchange], Any]], ...]

    def apply(self, value: Any, exchange: Exchange) -> Any:
        """The changed value. Raises ValueError where a function of the expression does not take what is there."""
        if self.select is not None:
            value = self.select(value)
            if self.renames or self.removes or self.puts:
                value = fresh(value)  # an expression may put one object into several places
        for steps, new in self.renames:
            rename(value, steps, new)
        for steps in self.removes:
            remove(value, steps)
        for steps, make in self.puts:
            put(value, steps, make(exchange))
        return value


def remove(value: Any, steps: Steps) -> None:
    """Take out what `steps` lead to."""
    last = steps[-1]
    for holder in _holders(value, steps):
        if last is None:
            holder.clear()
        elif isinstance(holder, dict):
            holder.pop(last, None)
        elif _has(holder, last):
            del holder[last]


def rename(value: Any, steps: Steps, new: str) -> None:
    """Call the member that `steps` lead to `new`, where it stands; another of that name goes."""
    old = steps[-1]
    for holder in _holders(value, steps):
        if isinstance(holder, dict) and old in holder:
            members = [(new if name == old else name, item) for name, item in holder.items() if name != new]
            holder.clear()
            holder.update(members)


def put(value: Any, steps: Steps, item: Any) -> None:
    """Make `item` of what `steps` lead to; a member that is not there is added."""
    last = steps[-1]
    for holder in _holders(value, steps, makes=True):
        if last is None:
            for place in list(holder) if isinstance(holder, dict) else range(len(holder)):
                holder[place] = item
        elif isinstance(holder, dict) == isinstance(last, str) and (isinstance(holder, dict) or _has(holder, last)):
            holder[last] = item


def fresh(value: Any) -> Any:
    """A copy in which nothing is the same object twice."""
    if isinstance(value, dict):
        return {name: fresh(item) for name, item in value.items()}
    return [fresh(item) for item in value] if isinstance(value, list) else value


def _holders(value: Any, steps: Steps, *, makes: bool = False) -> list[Any]:
    """The objects and arrays that have what `steps` lead to, or could have."""
    found = [value]
    for step, following in pairwise(steps):
        if makes and isinstance(step, str) and isinstance(following, str):
            for one in found:
                if isinstance(one, dict) and one.get(step) is None:
                    one[step] = {}
        found = [inner for one in found for inner in _inside(one, step)]
    return [one for one in found if isinstance(one, dict | list)]


def _inside(value: Any, step: str | int | None) -> Iterable[Any]:
    if step is None:
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(step, str):
        return (value[step],) if isinstance(value, dict) and step in value else ()
    return (value[step],) if isinstance(value, list) and _has(value, step) else ()


def _has(items: list[Any], number: str | int) -> bool:
    return isinstance(number, int) and -len(items) <= number < len(items)
