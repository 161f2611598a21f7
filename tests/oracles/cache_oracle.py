"""RFC 9111 by the letter and nothing else: Cache-Control of a request and of an answer, with a validator or without.

Written apart from gateway.cache: fields are read by a parser of characters, and every rule is one line.
"""

from __future__ import annotations

import string
from typing import Any

FOREVER = 2**31
TOKEN = set(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")


def members(field: str) -> list[tuple[str, str | None]]:
    """(lower-case name, argument) of each member; an argument that is no argument is ""."""
    parts, part, quoted, escaped = [], "", False, False
    for letter in field:
        if letter == "," and not quoted:
            parts.append(part)
            part = ""
            continue
        part += letter
        if escaped:
            escaped = False
        elif quoted and letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
    parts = field.split(",") if quoted else [*parts, part]
    found: list[tuple[str, str | None]] = []
    for each in parts:
        text = each.strip(" \t")
        if "=" not in text:
            found.append((text.lower(), None))
            continue
        at = text.index("=")
        name, argument = text[:at], text[at + 1 :]
        if name.endswith((" ", "\t")):
            found.append((name.strip(" \t").lower(), ""))
        elif argument.startswith('"') and argument.endswith('"') and len(argument) > 1:
            found.append((name.lower(), argument[1:-1]))
        else:
            found.append((name.lower(), argument))
    return found


def number(argument: str | None) -> int | None:
    if argument and all(letter in "0123456789" for letter in argument):
        return min(int(argument), FOREVER)
    return None


def lifetime_of(said: list[tuple[str, str | None]], name: str) -> int | None:
    """4.2.1: twice and different, or no number, is stale; None where it is not said."""
    values = [number(argument) for each, argument in said if each == name]
    if not values:
        return None
    return 0 if None in values or len(set(values)) > 1 else values[0]


def may_store(request: str, answer: str, status: int, has_tag: bool, authorized: bool) -> bool:
    """Section 3 for a shared cache without lifetimes of its own."""
    asked, said = members(request), members(answer)
    names = {name for name, _ in said}
    plain = {name for name, argument in said if argument is None}
    if "no-store" in {name for name, _ in asked}:
        return False
    understood = status in (200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414,
                            500, 501, 502, 503, 504)  # fmt: skip
    if status == 206 or ("must-understand" in plain and not understood):
        return False
    if "no-store" in names and "must-understand" not in plain:
        return False
    if "private" in names:
        return False
    if authorized and not ("public" in plain or "must-revalidate" in names or "s-maxage" in names):
        return False
    named = "public" in plain or "max-age" in names or "s-maxage" in names
    if not named and status not in (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501):
        return False
    return has_tag or lifetime(answer) > 0 or may_be_stale_some_time(answer)


def lifetime(answer: str) -> int:
    """4.2.1 without dates."""
    said = members(answer)
    shared = lifetime_of(said, "s-maxage")
    own = lifetime_of(said, "max-age")
    return shared if shared is not None else own or 0


def must_not_be_stale(answer: str) -> bool:
    """4.2.4, but for s-maxage."""
    return bool({"must-revalidate", "proxy-revalidate", "no-cache"} & {name for name, _ in members(answer)})


def may_be_stale_some_time(answer: str) -> bool:
    said = members(answer)
    windows = (lifetime_of(said, "stale-while-revalidate") or 0, lifetime_of(said, "stale-if-error") or 0)
    return not must_not_be_stale(answer) and max(windows) > 0


def use(request: str, answer: str, age: float) -> str:
    """What section 4 and RFC 5861 say of a stored answer of that age: the name of a Use."""
    asked, said = members(request), members(answer)
    found = _use(dict(asked), asked, said, answer, age)
    return "TIMEOUT" if found == "VALIDATE" and "only-if-cached" in dict(asked) else found


def _use(names: dict[str, Any], asked: list[Any], said: list[Any], answer: str, age: float) -> str:
    if "no-cache" in names or "no-cache" in dict(said):
        return "VALIDATE"
    limit = lifetime_of(asked, "max-age")
    if limit is not None and age > limit:
        return "VALIDATE"
    left = lifetime(answer) - age
    if any(left < wanted for name, argument in asked if name == "min-fresh" and (wanted := number(argument))):
        return "VALIDATE"
    if left > 0:
        return "FRESH"
    stale_for = [
        FOREVER if argument is None else number(argument) or 0 for name, argument in asked if name == "max-stale"
    ]
    if limit is not None and not stale_for:
        return "VALIDATE"
    if not must_not_be_stale(answer) and -left < (lifetime_of(said, "stale-while-revalidate") or 0):
        return "REFRESH"
    forbidden = must_not_be_stale(answer) or "s-maxage" in dict(said)
    return "STALE" if stale_for and not forbidden and -left <= min(stale_for) else "VALIDATE"
