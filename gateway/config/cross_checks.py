"""Checks across a whole configuration: steps of plugins, and the places of settings."""

from collections.abc import Iterable, Iterator, Sequence

from gateway.config.diagnostics import Position, path_text
from gateway.config.reader import OptionReader
from gateway.config.reading import Pair

_SETTINGS = ("server", "observability", "audit", "store", "plugins")


def lead_to_plugins(pairs: Sequence[Pair], defaults: OptionReader) -> None:
    """Note what plugins are to be asked: whether they take their options, and where their steps belong."""
    users: dict[int, str] = {}
    for section, route in pairs:
        for use in route.policies:
            users.setdefault(id(use), route.name)
        if route.policies:
            text = (section if "policies" in section else defaults).key("policies")
            text.leads_to("order", *(use.name for use in route.policies))
    for text, use in list(defaults.load.policies):
        if id(use) in users:
            text.leads_to("options", use, users[id(use)])


def places(readers: Iterable[OptionReader]) -> tuple[tuple[str, Position], ...]:
    """Where settings stand that a process may have to complain of later, each with its path."""
    return tuple(pair for reader in readers for pair in _places_in(reader))


def _places_in(reader: OptionReader) -> Iterator[tuple[str, Position]]:
    for key in filter(reader.__contains__, _SETTINGS):
        yield from _places(reader, key)
    for key in ("auth", "cors"):
        section = reader.section(key)
        for name in section:
            yield path_text((key, name)), section.key_place(name)


def _places(reader: OptionReader, key: str) -> Iterator[tuple[str, Position]]:
    yield path_text((*reader.path, key)), reader.spot(key)
    section = reader.section(key)
    for inner in section:
        yield from _places(section, inner)
