"""Path templates of google.api.http: `/v1/{name=shelves/*/books/*}:cancel`.

Template = "/" Segment { "/" Segment } [ ":" Verb ]
Segment  = "*" | "**" | Literal | "{" Field { "." Field } [ "=" Segments ] "}"
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

ONE: Final = "*"
REST: Final = "**"
_LITERAL: Final = re.compile(r"[A-Za-z0-9._~!$&'()+,;=@%-]+")
_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
#: one whole segment of a template, a variable with its slashes among them
_PIECE: Final = re.compile(r"/(\{[^{}]*\}|[^/{}]+)")
_VERB: Final = re.compile(r"(.*[^:]):([A-Za-z0-9._~-]+)")
_SLASH: Final = re.compile("%2f", re.IGNORECASE)


class TemplateError(ValueError):
    """A path template that is none; the message says why."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A field that has what stands in the segments from `start` up to `end`, None = the last one."""

    field: str
    start: int
    end: int | None
    is_single: bool


@dataclass(frozen=True, slots=True)
class Template:
    """`segments` are decoded literals, ONE or REST; `kinds` says which: 0, 1 or 2."""

    text: str
    segments: tuple[str, ...]
    kinds: tuple[int, ...]
    variables: tuple[Variable, ...]
    verb: str

    def match(self, raw: Sequence[str]) -> dict[str, str] | None:
        """What the variables are for a path in raw segments, None where it does not match."""
        if self.verb:
            suffix = f":{self.verb}"
            if not raw or not raw[-1].endswith(suffix) or raw[-1] == suffix:
                return None
            raw = (*raw[:-1], raw[-1].removesuffix(suffix))
        count = len(self.kinds)
        if self.kinds[-1:] == (2,):
            if len(raw) < count - 1:
                return None
        elif len(raw) != count:
            return None
        for kind, wanted, given in zip(self.kinds, self.segments, raw, strict=False):
            if (kind == 0 and wanted != unquote(given)) or (kind == 1 and not given):
                return None
        return {each.field: _value(each, raw) for each in self.variables}


def _value(variable: Variable, raw: Sequence[str]) -> str:
    """Decoded, but in several segments %2F stays what it is: else nobody could tell where they end."""
    parts = raw[variable.start : variable.end]
    if variable.is_single:
        return unquote(parts[0])
    return "/".join("%2F".join(map(unquote, _SLASH.split(part))) for part in parts)


def parse(text: str) -> Template:
    """The template that a text says. Raises TemplateError."""
    whole, verb = text, ""
    if (found := _VERB.fullmatch(text)) is not None and "}" not in found[2] and "/" not in found[2]:
        whole, verb = found[1], found[2]
    pieces = _PIECE.findall(whole)
    if not pieces or "".join(f"/{piece}" for piece in pieces) != whole:
        raise TemplateError(f"`{text}` is no path template")
    segments: list[str] = []
    variables: list[Variable] = []
    for piece in pieces:
        if not piece.startswith("{"):
            segments.append(_segment(piece, text))
            continue
        field, _, inner = piece[1:-1].partition("=")
        if not _FIELD.fullmatch(field):
            raise TemplateError(f"`{text}` has a variable without the path of a field")
        inside = [_segment(each, text) for each in (inner or ONE).split("/")]
        start = len(segments)
        segments += inside
        end = None if inside[-1] == REST else len(segments)
        variables.append(Variable(field, start, end, len(inside) == 1 and inside[0] != REST))
    if REST in segments[:-1]:
        raise TemplateError(f"`{text}` has ** before its end")
    names = [variable.field for variable in variables]
    if len(set(names)) != len(names):
        raise TemplateError(f"`{text}` has a field twice")
    return Template(text, tuple(segments), tuple(map(_kind, segments)), tuple(variables), verb)


def _segment(text: str, whole: str) -> str:
    if text in (ONE, REST):
        return text
    if not _LITERAL.fullmatch(text):
        raise TemplateError(f"`{whole}` has the segment `{text}`, which is neither *, ** nor a literal")
    return unquote(text)


def _kind(segment: str) -> int:
    return 1 if segment == ONE else 2 if segment == REST else 0


def overlaps(route: Sequence[tuple[str, str]], template: Template) -> bool:
    """Whether a route, in (kind, literal) of its segments, and a template can match the same path."""
    last = len(template.segments) - 1
    for index, (kind, wanted) in enumerate(zip(template.kinds, template.segments, strict=True)):
        if kind == 2:
            return True
        if index >= len(route):
            return False
        mine, literal = route[index]
        if mine == "path":
            return True
        if mine != "literal":
            continue
        suffix = f":{template.verb}" if template.verb and index == last else ""
        if kind == 0 and literal != wanted + suffix:
            return False
        if suffix and not literal.endswith(suffix):
            return False
    return len(route) == len(template.segments)
