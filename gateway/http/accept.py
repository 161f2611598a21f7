"""Negotiation of the kind of an answer: Accept (RFC 9110 section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WEIGHT: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def accepts(accept: str | None, offers: Sequence[str]) -> bool:
    """Whether one of `offers` (types, image/*, application/*+json; lower case) has a weight above 0.

    The most specific range decides of each. Parameters other than the weight do not narrow a range, an element that
    cannot be read asks for nothing, and a field that says nothing takes anything, as none at all does.
    """
    if accept is None or accept == "*/*":
        return True
    ranges = _ranges(accept)
    return not ranges or any(_weight(offer, ranges) > 0 for offer in offers)


def _ranges(accept: str) -> dict[str, float]:
    """Each range with its weight; the largest of one that is there again."""
    found: dict[str, float] = {}
    for element in accept.lower().split(","):
        media_range, *parameters = (part.strip(" \t") for part in element.split(";"))
        main, slash, sub = media_range.partition("/")
        if not (main and slash and sub) or (main == "*" and sub != "*"):
            continue
        weight = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        value = float(weight) if _WEIGHT.fullmatch(weight) else 0.0
        found[media_range] = max(value, found.get(media_range, 0.0))
    return found


def _weight(offer: str, ranges: dict[str, float]) -> float:
    """What the most specific range says of an offer; an offer that is a range itself is any type in it."""
    main, _, sub = offer.partition("/")
    if "*" in sub:
        suffix = sub[1:]
        named = [
            value
            for each, value in ranges.items()
            if each.startswith(main + "/") and not each.endswith("/*") and each.endswith(suffix)
        ]
        if any(named):
            return max(named)
    elif offer in ranges:
        return ranges[offer]
    return ranges.get(main + "/*", ranges.get("*/*", 0.0))
