"""Paths into JSON, as `transform` writes them: user.name, items[0].price, items[*].price, "a.b"[-1], *.secret."""

from __future__ import annotations

import json
import re
from typing import Final

#: a member's name, an item's number, or None for every one of them
Steps = tuple[str | int | None, ...]
#: characters
LONGEST: Final = 500
_MEMBER: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|[^\s.\[\]"*]+|\*')
_ITEM: Final = re.compile(r"\[(?:(-?[0-9]{1,6})|\*)\]")


class PathError(ValueError):
    """What is no path; the text says why, for who wrote it."""


def parse(text: str) -> Steps:
    """The steps of a path. Raises PathError."""
    if len(text) > LONGEST:
        raise PathError(f"it has {len(text)} characters; at most {LONGEST} are taken")
    steps: list[str | int | None] = []
    at = 0
    while at < len(text) or not steps:
        if (item := _ITEM.match(text, at)) is not None:
            steps.append(None if item[1] is None else int(item[1]))
            at = item.end()
            continue
        at = _begin(text, at, is_first=not steps)
        member = _MEMBER.match(text, at)
        if member is None:
            raise PathError(f"a name, * or [number] should stand at character {at + 1}")
        steps.append(_name(member[0], at))
        at = member.end()
    return tuple(steps)


def _begin(text: str, at: int, *, is_first: bool) -> int:
    """Where a member's name begins: behind a dot, but for the first one."""
    if is_first:
        return at
    if text[at] != ".":
        raise PathError(f"a dot or [ should stand at character {at + 1}")
    return at + 1


def _name(text: str, at: int) -> str | None:
    if not text.startswith('"'):
        return None if text == "*" else text
    try:
        found: str = json.loads(text)
    except ValueError:
        raise PathError(f"the quoted name at character {at + 1} is no JSON string") from None
    return found
