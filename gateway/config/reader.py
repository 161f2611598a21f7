"""A look at one mapping of a file's tree that survives wrong types, knows where everything stands, and complains.

The schema has complained about wrong types already; a reader then answers with the schema's default, so that the
meaning of the rest is still checked in the same go.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from gateway.config import units as values
from gateway.config.diagnostics import Path, Position, at, location, reason
from gateway.config.nodes import MappingNode, SequenceNode, UnresolvedReference
from gateway.config.schema import children
from gateway.config.schema_parts import Schema
from gateway.config.text import LoadContext, ScalarNode

__all__ = ["LoadContext", "OptionReader", "ScalarNode"]

Number = TypeVar("Number", int, float)


class OptionReader:
    """One mapping. `where` is its "file:line"; what stands in it is looked up by the methods below."""

    __slots__ = ("_base", "_file", "_holder", "_load", "_schema", "path", "place")

    def __init__(
        self,
        load: LoadContext,
        base: str,
        holder: MappingNode,
        schema: Schema,
        path: Path,
        place: Position,
        file: str = "",
    ) -> None:
        """`file` is the one that `path` leads through, if it is not that of `place`."""
        self._file = file or place[0]
        self._load = load
        self._base = base
        self._holder = holder
        self._schema = schema
        self.path = path
        self.place = place

    @property
    def load(self) -> LoadContext:
        """What gathers while it is read."""
        return self._load

    @property
    def where(self) -> str:
        """Its "file:line"."""
        return location(self.place)

    def is_wrong(self, *keys: str | int) -> bool:
        """Whether the schema has complained of what stands, or was meant to stand, under a key, and under one in it."""
        told, path = self._load.told, (*self.path, *keys)
        return bool(told) and any(told.of(file, path) for file in {self._file, self.place[0]})

    def is_sound(self, key: str) -> bool:
        """Whether it has complained neither of what stands under a key nor of anything in it."""
        told, path = self._load.told, (*self.path, key)
        return not told or not (
            self.is_wrong(key) or any(told.inside(file, path) for file in {self._file, self.place[0]})
        )

    def __contains__(self, key: str) -> bool:
        return key in self._holder

    def __iter__(self) -> Iterator[str]:
        return iter(self._holder)

    def raw(self, key: str) -> Any:
        """The value as it stands, or None."""
        return self._holder.get(key)

    def default(self, key: str) -> Any:
        """What the schema says a key is when it is not written."""
        return next(children(self._schema, key), {}).get("default")

    def text(self, key: str) -> str:
        """A string, or its default, or an empty one."""
        value = self._holder.get(key)
        if isinstance(value, str) and not isinstance(value, UnresolvedReference):
            return value
        return self.default(key) or ""

    def integer(self, key: str) -> int:
        """A whole number, or its default."""
        value = self._holder.get(key)
        return value if type(value) is int else self.default(key) or 0

    def flag(self, key: str) -> bool:
        """Whether the value, or its default, is true."""
        value = self._holder.get(key)
        return (value if isinstance(value, bool) else self.default(key)) is True

    def duration(self, key: str) -> float:
        """Seconds."""
        return self._parsed(key, values.parse_duration, "1s")

    def size(self, key: str) -> int:
        """Bytes."""
        return self._parsed(key, values.parse_size, "1KB")

    def share(self, key: str) -> float:
        """0..1."""
        return self._parsed(key, values.parse_share, "1%")

    def _parsed(self, key: str, parse: Callable[[str], Number], instead: str) -> Number:
        try:
            return parse(self.text(key))
        except ValueError:
            return parse(self.default(key) or instead)  # the schema has complained; it need not know a default

    def section(self, key: str) -> "OptionReader":
        """The mapping under a key; an empty one standing here when there is none."""
        value = self._holder.get(key)
        holder = value if isinstance(value, MappingNode) else MappingNode(self.place)
        schema = next(children(self._schema, key), {})
        return OptionReader(self._load, self._base, holder, schema, (*self.path, key), self.key_place(key))

    def entries(self, key: str) -> Iterator["ScalarNode | OptionReader"]:
        """What stands in the list under a key, in its order: strings and mappings."""
        items = self._holder.get(key)
        if not isinstance(items, SequenceNode):
            return
        schema = next(children(next(children(self._schema, key), {}), 0), {})
        for index, item in enumerate(items):
            path = (*self.path, key, index)
            if isinstance(item, MappingNode):
                yield OptionReader(self._load, self._base, item, schema, path, items.spots[index])
            elif isinstance(item, str) and not isinstance(item, UnresolvedReference):
                yield ScalarNode(self._load, item, path, items.spots[index], items.origins.get(index, ""))

    def sections(self, key: str) -> Iterator["OptionReader"]:
        """The mappings in the list under a key."""
        return (entry for entry in self.entries(key) if isinstance(entry, OptionReader))

    def texts(self, key: str) -> Iterator[ScalarNode]:
        """The strings in the list under a key, or the one string that stands there itself."""
        single = self.one(key)
        return iter((single,)) if single else (entry for entry in self.entries(key) if isinstance(entry, ScalarNode))

    def one(self, key: str) -> ScalarNode | None:
        """The string under a key with its place, or None."""
        value = self._holder.get(key)
        if not isinstance(value, str) or isinstance(value, UnresolvedReference):
            return None
        return ScalarNode(
            self._load, value, (*self.path, key), self._holder.spots[key][1], self._holder.origins.get(key, "")
        )

    def strings(self, key: str) -> Iterator[ScalarNode]:
        """Every string in the free-form value under a key, however deep."""
        if key in self._holder:
            yield from _strings(self._load, self._holder, key, (*self.path, key))

    def key(self, key: str) -> ScalarNode:
        """The key itself, for complaints about a name."""
        return ScalarNode(self._load, key, (*self.path, key), self.key_place(key))

    def pairs(self, key: str) -> Iterator[tuple[ScalarNode, ScalarNode]]:
        """The names and the string values of the mapping under a key."""
        section = self.section(key)
        for name in section:
            if (value := section.one(name)) is not None:
                yield section.key(name), value

    def standing_on(self, holder: MappingNode, place: Position) -> "OptionReader":
        """A reader of another mapping of the same kind."""
        return OptionReader(self._load, self._base, holder, self._schema, self.path, place, self._file)

    def hand_over(self, key: str, holder: MappingNode) -> None:
        """Put what is written under a key into another mapping, with its place."""
        holder[key] = self._holder[key]
        holder.spots[key] = self._holder.spots[key]
        if key in self._holder.origins:
            holder.origins[key] = self._holder.origins[key]

    def key_place(self, key: str) -> Position:
        """Where the key stands; the mapping's own place when it is not written."""
        spot = self._holder.spots.get(key)
        return spot[0] if spot else self.place

    def spot(self, key: str) -> Position:
        """Where a value stands; for a mapping and for a list that is where its key does."""
        return (
            self.key_place(key)
            if isinstance(self._holder[key], MappingNode | SequenceNode)
            else self._holder.spots[key][1]
        )

    def file(self, key: str) -> str:
        """The absolute name of a file that can be read; complains when it cannot. Empty when not written."""
        text = self.one(key)
        return self.contents(text)[0] if text is not None and text.value else ""

    def contents(self, text: ScalarNode) -> tuple[str, bytes | None]:
        """The absolute name of the file that a string names, and its content; None after complaining of it."""
        path = self.absolute(text.value)
        try:
            with open(path, "rb") as stream:
                data = stream.read()
        except (OSError, ValueError) as error:
            self._load.files.setdefault(path, "")
            text.complain(f"the file {text.shown} cannot be read: {reason(error)}")
            return path, None
        self._load.files[path] = hashlib.sha256(data).hexdigest()
        return path, data

    def absolute(self, name: str) -> str:
        """A file name made absolute against the folder of the file it was written in."""
        return os.path.abspath(os.path.join(self._base, name))

    def complain(self, message: str, hint: str = "", key: str = "") -> None:
        """A complaint about the mapping, or about one of its keys."""
        path = (*self.path, key) if key else self.path
        self._load.complaints.append(at(self.key_place(key), path, message, hint))

    def warn(self, message: str, hint: str = "", key: str = "") -> None:
        """A warning about the mapping, or about one of its keys."""
        path = (*self.path, key) if key else self.path
        self._load.warnings.append(at(self.key_place(key), path, message, hint))


def _strings(load: LoadContext, holder: Any, key: Any, path: Path) -> Iterator[ScalarNode]:
    """`holder` is a Map or a Seq."""
    value = holder[key]
    if isinstance(value, str) and not isinstance(value, UnresolvedReference):
        spot = holder.spots[key]
        yield ScalarNode(load, value, path, spot[1] if isinstance(holder, dict) else spot, holder.origins.get(key, ""))
    if isinstance(value, MappingNode):
        for name in value:
            yield from _strings(load, value, name, (*path, name))
    elif isinstance(value, SequenceNode):
        for index in range(len(value)):
            yield from _strings(load, value, index, (*path, index))
