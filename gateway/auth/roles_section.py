"""`roles`: what each counts as and gives, inheritance followed to its end."""

from collections.abc import Callable, Mapping

from gateway.auth.jwt.section import texts_once
from gateway.auth.model import Role
from gateway.config.reader import OptionReader, ScalarNode


def read_roles(sections: Mapping[str, OptionReader], check: Callable[[ScalarNode], None]) -> tuple[Role, ...]:
    """The roles of all files by name; `check` complains about a role that is not there."""
    heirs = {name: texts_once(reader, "inherits") for name, reader in sections.items()}
    for reader in sections.values():
        for text in reader.texts("inherits"):
            check(text)
    _check_circles(sections, heirs)
    scopes = {name: texts_once(reader, "allow") for name, reader in sections.items()}
    roles = []
    for name in sections:
        counts_as = tuple(_closure(name, heirs))
        allow = dict.fromkeys(scope for each in counts_as for scope in scopes.get(each, ()))
        roles.append(Role(name, counts_as, tuple(allow)))
    return tuple(roles)


def _closure(name: str, heirs: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """All that a role inherits, itself first, the nearest before the farther ones; each with whom it comes from."""
    found = {name: ""}
    waiting = [name]
    for each in waiting:
        for parent in heirs.get(each, ()):
            if parent not in found:
                found[parent] = each
                waiting.append(parent)
    return found


def _check_circles(sections: Mapping[str, OptionReader], heirs: Mapping[str, tuple[str, ...]]) -> None:
    """Complain once about each circle."""
    known: set[str] = set()
    for name, reader in sections.items():
        found = _closure(name, heirs)
        last = next((each for each in found if name in heirs.get(each, ())), None)
        if last is None or name in known:
            continue
        way = [name]
        while last:
            way.append(last)
            last = found[last]
        known.update(way)
        reader.complain(f"it inherits itself: {' -> '.join(reversed(way))}", key="inherits")
