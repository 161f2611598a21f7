"""Vary: which request headers an answer was chosen by (RFC 9111 section 4.1)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from gateway._fast.header_list import Gather
from gateway.cache.rules import CacheOptions
from gateway.exchange import Headers

Selecting = tuple[tuple[str, str], ...]
#: lists that mean the same in any letters and with any blanks
_LISTS: Final = frozenset(("accept", "accept-charset", "accept-encoding", "accept-language"))
#: lists whose order means nothing, because weights say what is liked better
_UNORDERED: Final = frozenset(("accept-charset", "accept-encoding"))


def names(headers: Iterable[tuple[str, str]], rules: CacheOptions) -> tuple[str, ...] | None:
    """The names, lower-case and sorted, the route's among them; None where nobody can tell ("*")."""
    found = set(rules.vary)
    for name, value in headers:
        if name.lower() == "vary":
            found.update(member for each in value.split(",") if (member := each.strip(" \t").lower()))
    return None if "*" in found else tuple(sorted(found))


def selecting(names: tuple[str, ...], headers: Headers, rules: CacheOptions) -> Selecting:
    """What a request says under these names, so written that what means the same is the same."""
    if not names:
        return ()
    found = _gather(names).of(headers) or {}
    return tuple([(name, _normal(name, found.get(name), rules)) for name in names])


_gather = lru_cache(maxsize=1024)(Gather)


def _normal(name: str, value: str | None, rules: CacheOptions) -> str:
    if name == "accept-encoding" and rules.coding is not None:
        return rules.coding(value)
    if value is None:
        return "\0"  # NOTE: a field that is not there is not one that is empty
    if name not in _LISTS:
        return value.strip(" \t")
    members = [each for part in value.split(",") if (each := "".join(part.split()).lower())]
    return ",".join(sorted(members) if name in _UNORDERED else members)
