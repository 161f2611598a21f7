"""Compiled options of a route's cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """Times are seconds; what each one means stands in docs/cache.md."""

    #: the lifetime where the origin gives none
    ttl: float = 0.0
    #: how long past its lifetime an answer is given while a new one is fetched, where the origin does not say
    stale_while_revalidate: float = 0.0
    #: how long past its lifetime an answer is given when the upstream fails, where the origin does not say
    stale_if_error: float = 0.0
    #: False: the three above replace what the origin says of freshness; its no-store and private hold all the same
    respect_origin: bool = True
    #: whether an answer without freshness lives for a tenth of its age at the origin (RFC 9111 section 4.2.2)
    heuristic: bool = False
    #: whether one entry serves all callers
    shared: bool = False
    #: whether the key of an entry names the caller, so that nobody else is given it
    partitioned: bool = False
    #: whether answers that set cookies are kept
    cookies: bool = False
    #: further request headers that select an answer, lower-case
    vary: tuple[str, ...] = ()
    #: the content coding that an Accept-Encoding comes to; None = the field itself selects
    coding: Callable[[str | None], str] | None = None
