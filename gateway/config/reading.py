"""The reading of one configuration, as features see it: files, names, and what other features found before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.config.model import Match, Route
from gateway.config.name_registry import NameRegistry
from gateway.config.reader import LoadContext, OptionReader
from gateway.config.variables import IN_DEFAULTS, Known

Pair = tuple[OptionReader, Route]
"""A route and where it was read."""


class OwnRoute(NamedTuple):
    """A route that a feature serves itself on `bind`; `where` is "file:line"."""

    name: str
    where: str
    path: str
    methods: tuple[str, ...]


@dataclass(slots=True)
class Reading:
    """One load, from trees to the Document.

    `readers` stand on the files, `single` on sections that only one file may have.  `found` has fields of the Document
    so far, by name; `pairs` the routes.
    """

    load: LoadContext
    readers: list[OptionReader]
    single: Mapping[str, OptionReader]
    is_complete: bool
    found: dict[str, Any] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    #: entries without a mistake, by section
    sound: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    own_routes: list[OwnRoute] = field(default_factory=list)
    _names: dict[str, NameRegistry] = field(default_factory=dict)

    def section(self, key: str) -> OptionReader:
        """A section that only one file may have; empty where none has it."""
        return self.single[key]

    def holders(self) -> Iterator[OptionReader]:
        """All that may name something as a route does: `defaults`, routes, and those that are made of a document."""
        yield self.section("defaults")
        yield from (section for section, _ in self.pairs)
        for reader in self.readers:
            yield from (section for section in reader.sections("routes") if "openapi" in section)

    def names(self, section: str) -> NameRegistry:
        """The names that a section gives: its keys, or what `name` has set."""
        if section not in self._names:
            self._names[section] = NameRegistry.of(self.readers, section, is_complete=self.is_complete)
        return self._names[section]

    def name_list(self, section: str, names: Iterable[str], *, is_open: bool = False) -> NameRegistry:
        """Set the names of a section that is a list; open where there may be others, as where one has no name."""
        nameless = any(_has_nameless(reader, section) for reader in self.readers)
        self._names[section] = NameRegistry(names, is_open=is_open or nameless or not self.is_complete)
        return self._names[section]


@dataclass(slots=True)
class RouteContext:
    """A route as far as it is read; without `match` it is `defaults`.

    `parameters` are those of its path, `defaults` what `defaults` say, `found` its own fields so far, both by name.
    """

    match: Match | None = None
    parameters: frozenset[str] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def has_caller(self) -> bool:
        """Whether it is known who calls: the fields of `auth` are the first to be read."""
        return self.found.get("access") is not None

    @property
    def known(self) -> Known:
        """The variables that templates may have."""
        return IN_DEFAULTS if self.parameters is None else Known(self.parameters, has_caller=self.has_caller)

    @property
    def path(self) -> str:
        """The template of the path."""
        return self.match.path if self.match is not None else ""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, () = any."""
        return self.match.methods if self.match is not None else ()


def _has_nameless(reader: OptionReader, key: str) -> bool:
    """Whether the list under a key, or the name of an entry, could not be read."""
    entries = reader.raw(key)
    count = len(entries) if isinstance(entries, list) else 0
    return reader.is_wrong(key) or any(reader.is_wrong(key, index, "name") for index in range(count))
