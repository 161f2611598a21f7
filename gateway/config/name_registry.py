"""Names that one part of a configuration gives and another uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from gateway.config.diagnostics import did_you_mean
from gateway.config.schema_parts import OFF

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader, ScalarNode


class Placed(Protocol):
    """What stands at a place, "file:line"."""

    @property
    def where(self) -> str:
        """The place."""


def check_new(text: ScalarNode, seen: Mapping[str, Placed]) -> None:
    """Complain about a name that is in `seen` already, or that no name may be."""
    if text.value == OFF:
        text.complain("`off` cannot be a name: it is what routes say that want none")
    if text.value in seen:
        text.complain(f"the name is written twice, first at {seen[text.value].where}")


class NameRegistry:
    """The names in a section of all files, also those whose entries are wrong; `is_open`: there may be others."""

    def __init__(self, names: Iterable[str], *, is_open: bool) -> None:
        self._names = dict.fromkeys(names)
        self.is_open = is_open

    @classmethod
    def of(cls, readers: Iterable[OptionReader], key: str, *, is_complete: bool) -> NameRegistry:
        """The keys of a section; `readers` stand on files, which are `is_complete` when all of them could be read."""
        readers = list(readers)
        names = (name for reader in readers for name in reader.section(key))
        return cls(names, is_open=not is_complete or any(reader.is_wrong(key) for reader in readers))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return self.is_open or name in self._names

    def check(self, text: ScalarNode, message: str) -> None:
        """Complain about a name that is not there; it is put into the {} of the message."""
        if text.value not in self:
            text.complain(message.format(text.shown), did_you_mean(text.value, self))
