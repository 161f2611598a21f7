"""Accept-Encoding (RFC 9110 section 12.5.3): which coding a client gets."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_MEMBER: Final = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)
IDENTITY: Final = "identity"
#: characters of the longest field whose choice is remembered
REMEMBERED: Final = 256
_ALIASES: Final = {"x-gzip": "gzip"}


def choose(accept: str | None, offered: tuple[str, ...]) -> str:
    """The coding of `offered` (best first) that a client with this field likes best; "" = as it is.

    The higher weight wins, and where weights are equal the one offered first.  Without the field, and where the
    content as it is has a higher weight than what is offered, it stays as it is.  A member that cannot be read is
    passed over.
    """
    if not accept:
        return ""
    # NOTE: clients write it, and 1024 long ones would be megabytes.
    return _remembered(accept, offered) if len(accept) <= REMEMBERED else _chosen(accept, offered)


def _chosen(accept: str, offered: tuple[str, ...]) -> str:
    weights = _weights(accept)
    rest = weights.get("*", 0.0)
    best, highest = "", weights.get(IDENTITY, 0.0)
    for coding in offered:
        weight = weights.get(coding, rest)
        if weight > 0.0 and (weight > highest or (not best and weight == highest)):
            best, highest = coding, weight
    return best


_remembered = lru_cache(maxsize=1024)(_chosen)


def _weights(accept: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for member in accept.split(","):
        read = _MEMBER.fullmatch(member)
        if read is not None:
            name = read[1].lower()
            found.setdefault(_ALIASES.get(name, name), float(read[2] or 1))
    return found
