"""`roles`: what each counts as and gives, inheritance followed to its end."""

from collections.abc import Mapping

from gateway.config.complaints import did_you_mean
from gateway.config.model_identity import Role
from gateway.config.reader import Reader
from gateway.config.sections.tokens import texts_once


def read_roles(sections: Mapping[str, Reader], is_complete: bool) -> tuple[Role, ...]:
    """The roles of all files by name; unless all files could be read, names that are not there are let pass."""
    heirs = {name: texts_once(reader, "inherits") for name, reader in sections.items()}
    if is_complete:
        for reader in sections.values():
            for text in reader.texts("inherits"):
                if text.value not in sections:
                    text.complain(f"there is no role {text.shown}", did_you_mean(text.value, sections))
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


def _check_circles(sections: Mapping[str, Reader], heirs: Mapping[str, tuple[str, ...]]) -> None:
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
