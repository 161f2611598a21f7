"""Cache-Control (RFC 9111 section 5.2) and its targeted form (RFC 9213).

Where a field contradicts itself or cannot be read, what is stricter holds: a lifetime that is no number, or that is
given twice in different ways, is 0; a directive that forbids holds whatever its argument; one that allows holds only
in its plain form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.http.structured_fields import dictionary

#: the largest number of seconds there is (RFC 9111 section 1.2.2)
LONGEST: Final = 2**31


@dataclass(frozen=True, slots=True)
class Directives:
    """What a request or an answer says; seconds, None = it does not say."""

    max_age: int | None = None
    s_maxage: int | None = None
    stale_while_revalidate: int | None = None
    stale_if_error: int | None = None
    max_stale: int | None = None
    min_fresh: int | None = None
    no_cache: bool = False
    no_store: bool = False
    private: bool = False
    public: bool = False
    must_revalidate: bool = False
    proxy_revalidate: bool = False
    must_understand: bool = False
    only_if_cached: bool = False


NOTHING: Final = Directives()
_TIMES: Final = frozenset(("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error", "max-stale", "min-fresh"))
_Arguments = Mapping[str, Sequence[str | None]]


def parse(text: str) -> Directives:
    """Read a Cache-Control field, several lines of it joined by commas."""
    return _remembered(text) if len(text) <= 256 else _read(text)


def targeted(text: str) -> Directives | None:
    """Read a CDN-Cache-Control field; None where it is empty or no dictionary, and so to be ignored.

    A member whose value is of the wrong type is passed over (RFC 9213 section 2.1).
    """
    members = dictionary(text)
    if not members:
        return None
    arguments: dict[str, list[str | None]] = {}
    for name, value in members.items():
        if name in _TIMES:
            if isinstance(value, int) and not isinstance(value, bool):
                arguments[name] = [str(value)]
        elif value is not False:
            arguments[name] = [None if value is True else str(value)]
    return _directives(arguments)


def _read(text: str) -> Directives:
    arguments: dict[str, list[str | None]] = {}
    for member in _members(text):
        name, argument = _split(member.strip(" \t"))
        if name:
            arguments.setdefault(name, []).append(argument)
    return _directives(arguments)


_remembered = lru_cache(maxsize=1024)(_read)


def _members(text: str) -> list[str]:
    """The text cut at its commas, but for those within quotes."""
    if '"' not in text:
        return text.split(",")
    members, start, at, is_quoted = [], 0, 0, False
    while at < len(text):
        character = text[at]
        if character == '"':
            is_quoted = not is_quoted
        elif character == "\\" and is_quoted:
            at += 1
        elif character == "," and not is_quoted:
            members.append(text[start:at])
            start = at + 1
        at += 1
    # a quote that never ends hides nothing
    return text.split(",") if is_quoted else [*members, text[start:]]


def _split(member: str) -> tuple[str, str | None]:
    """The name, and the argument without its quotes: None where there is none."""
    name, equals, argument = member.partition("=")
    if not equals:
        return name.lower(), None
    if len(argument) >= 2 and argument[0] == argument[-1] == '"':
        argument = argument[1:-1]
    # blanks around the sign are no part of the syntax: the name still counts, the argument does not
    return name.rstrip(" \t").lower(), "" if name != name.rstrip(" \t") else argument


def _directives(arguments: _Arguments) -> Directives:
    def is_said(name: str) -> bool:
        return name in arguments

    def is_said_plainly(name: str) -> bool:
        return None in arguments.get(name, ())

    return Directives(
        max_age=_lifetime(arguments.get("max-age")),
        s_maxage=_lifetime(arguments.get("s-maxage")),
        stale_while_revalidate=_lifetime(arguments.get("stale-while-revalidate")),
        stale_if_error=_lifetime(arguments.get("stale-if-error")),
        max_stale=_allowance(arguments.get("max-stale")),
        min_fresh=max(filter(None, map(_seconds, arguments.get("min-fresh", ()))), default=None),
        no_cache=is_said("no-cache"),
        no_store=is_said("no-store"),
        private=is_said("private"),
        public=is_said_plainly("public"),
        must_revalidate=is_said("must-revalidate"),
        proxy_revalidate=is_said("proxy-revalidate"),
        must_understand=is_said_plainly("must-understand"),
        only_if_cached=is_said("only-if-cached"),
    )


def _lifetime(arguments: Sequence[str | None] | None) -> int | None:
    """What all of them say; 0 where they differ or one is no number (RFC 9111 section 4.2.1)."""
    if arguments is None:
        return None
    first = _seconds(arguments[0])
    return first if first is not None and all(_seconds(other) == first for other in arguments) else 0


def _allowance(arguments: Sequence[str | None] | None) -> int | None:
    """The least that max-stale allows: without an argument it allows any age."""
    if arguments is None:
        return None
    return min((LONGEST if each is None else _seconds(each) or 0 for each in arguments), default=None)


def _seconds(argument: str | None) -> int | None:
    if argument is None or not (argument.isascii() and argument.isdigit()):
        return None
    return min(int(argument), LONGEST) if len(argument) <= 10 else _long(argument)


def _long(digits: str) -> int:
    """NOTE: int() of thousands of digits is slow, and refused from 4300 on."""
    significant = digits.lstrip("0")
    return LONGEST if len(significant) > 10 else min(int(significant or "0"), LONGEST)
