"""Header fields of an answer made of several: Cache-Control and Vary merged."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from gateway._fast.headers import joined
from gateway.exchange import Headers

_AGE: Final = re.compile(r"(?:^|[,\s])(?:s-maxage|max-age)=\"?([0-9]{1,10})")
#: from the strictest on (RFC 9111 section 5.2.2)
_STRICT: Final = ("no-store", "private", "no-cache")
#: what forbids the whole once it is stale
_LATER: Final = ("must-revalidate", "proxy-revalidate")


def cache_control(answers: Iterable[Headers]) -> str:
    """The strictest of what they say; "" where one of them says nothing, since then nothing holds for the whole."""
    words: set[str] = set()
    later: set[str] = set()
    ages: list[int] = []
    for headers in answers:
        said = (joined(headers, "cache-control") or "").lower()
        if not said:  # PERF: most say nothing; perf/scenarios/aggregate.toml
            return _strictest(words)
        later.update(word for word in _LATER if word in said)
        strict = [word for word in _STRICT if word in said]
        if strict:
            words.update(strict)
            continue
        found = [int(age) for age in _AGE.findall(said)]
        if not found:
            return _strictest(words)
        age = min(found)
        ages.append(max(0, age - _age(headers)))
    if words:
        return _strictest(words)
    return ", ".join((f"max-age={min(ages)}", *sorted(later))) if ages else ""


def _strictest(words: set[str]) -> str:
    return ", ".join([word for word in _STRICT if word in words])


def vary(answers: Iterable[Headers], own: Iterable[str] = ()) -> str:
    """All that they vary by, and `own`; what each part sends by itself is none of it."""
    found: dict[str, str] = {}
    for headers in answers:
        if said := joined(headers, "vary"):
            for word in filter(None, map(str.strip, said.split(","))):
                found.setdefault(word.lower(), word)
    if "*" in found:
        return "*"
    kept = {lower: word for lower, word in found.items() if lower not in ("accept", "accept-encoding")}
    return ", ".join((kept | {name.lower(): name for name in own}).values())


def _age(headers: Headers) -> int:
    """How old an answer was when it came from a cache on the way."""
    found = (joined(headers, "age") or "").partition(",")[0].strip()
    return int(found) if found.isdigit() and len(found) <= 10 else 0
