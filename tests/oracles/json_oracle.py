"""The slow twin of gateway/_fast/json.pyx: the standard library's parser, and a count of what was opened."""

from __future__ import annotations

import json
import math
from typing import Any


def read(data: bytes, depth: int, members: int) -> Any:
    """The value that `data` says. Raises ValueError."""
    text = data.decode()
    if text.startswith("\ufeff"):
        raise ValueError("a byte order mark")
    value = json.loads(text, object_pairs_hook=_once, parse_constant=_none, parse_float=_finite)
    _bounded(text, depth, members)
    json.dumps(value, ensure_ascii=False).encode()  # raises for half of a surrogate pair
    return value


def _bounded(text: str, depth: int, members: int) -> None:
    inside, deep, wide, at = False, 0, 0, 0
    while at < len(text):
        if inside and text[at] == "\\":
            at += 1
        elif text[at] == '"':
            inside = not inside
        elif not inside:
            deep += (text[at] in "[{") - (text[at] in "]}")
            wide += text[at] in "[{,"
            if deep > depth or wide > members:
                raise ValueError("too much")
        at += 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("twice")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("too large")
    return value


def _none(word: str) -> None:
    raise ValueError(word)
