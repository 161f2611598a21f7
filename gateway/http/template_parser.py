"""Templates in rewrite, headers and respond: text with {param}, {query.name}, {header.Name} and {claim.name} in it.

Braces around anything else are text, so a JSON body needs no escaping.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

_VARIABLE = re.compile(r"\{(?:([A-Za-z_][A-Za-z0-9_-]*)\.([^{}\s\"']+)|([A-Za-z_][A-Za-z0-9_]*))\}")
KINDS = ("query", "header", "claim")
"""Kinds of variables that are written with a dot, wherever nothing else is said."""


class Variable(NamedTuple):
    """kind is param, query, header or claim, or another that the place of the template knows."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{{{self.name}}}" if self.kind == "param" else f"{{{self.kind}.{self.name}}}"


def parse(text: str, kinds: Collection[str] = KINDS) -> tuple[str | Variable, ...]:
    """The literal pieces and the variables of a template, in order, without empty pieces."""
    pieces: list[str | Variable] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        if found[1] is not None and found[1] not in kinds:
            continue
        if found.start() > end:
            pieces.append(text[end : found.start()])
        kind, name, param = found.groups()
        pieces.append(Variable(kind or "param", name or param))
        end = found.end()
    if end < len(text):
        pieces.append(text[end:])
    return tuple(pieces)


def variables(text: str, kinds: Collection[str] = KINDS) -> tuple[Variable, ...]:
    """The variables of a template, in order."""
    return tuple(piece for piece in parse(text, kinds) if isinstance(piece, Variable)) if "{" in text else ()


def unknown_variables(text: str, kinds: Collection[str]) -> tuple[Variable, ...]:
    """What is written like a variable with a dot, of a kind that is not known; `parse` takes it for text."""
    found = _VARIABLE.finditer(text) if "{" in text else ()
    return tuple(Variable(each[1], each[2]) for each in found if each[1] is not None and each[1] not in kinds)
