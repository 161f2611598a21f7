"""Age and freshness lifetime of an answer (RFC 9111 section 4.2)."""

from __future__ import annotations

from typing import Final

from gateway.cache.cache_control import LONGEST, parse
from gateway.cache.response_directives import TAKEN, ResponseDirectives
from gateway.cache.rules import CacheOptions
from gateway.http.dates import seconds_of

#: RFC 9110 section 15.1: what may be given a lifetime that nobody named
HEURISTIC: Final = frozenset((200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501))
_DAY: Final = 86_400.0


def lifetime(status: int, facts: ResponseDirectives, rules: CacheOptions, response_time: float) -> float:
    """Seconds from its making that an answer is fresh; `facts` are those under the rules."""
    control = facts.control
    if control.s_maxage is not None:
        return control.s_maxage
    if control.max_age is not None:
        return control.max_age
    if facts.expires:
        return _until(facts, response_time)
    if control.no_cache:
        return 0.0
    if rules.ttl > 0.0 and status in TAKEN:
        return rules.ttl
    if rules.heuristic and facts.last_modified is not None and (status in HEURISTIC or control.public):
        made = response_time if facts.date is None else facts.date
        return min(max(0.0, (made - facts.last_modified) / 10), _DAY)
    return 0.0


def _until(facts: ResponseDirectives, response_time: float) -> float:
    """Expires less Date; what is no date, or not one date, has passed (RFC 9111 section 5.3)."""
    if len(set(facts.expires)) > 1:
        return 0.0
    expires = seconds_of(facts.expires[0])
    if expires is None:
        return 0.0
    return min(max(0.0, expires - (response_time if facts.date is None else facts.date)), LONGEST)


def initial_age(facts: ResponseDirectives, request_time: float, response_time: float) -> float:
    """The age at which an answer came (RFC 9111 section 4.2.3).

    NOTE: a clock that was set back between request and answer must not make an answer younger than it says.
    """
    apparent = 0.0 if facts.date is None else response_time - facts.date
    return max(0.0, apparent, _age(facts.age) + max(0.0, response_time - request_time))


def _age(text: str | None) -> float:
    """Age; of a list its first member, and 0 where that is no number (RFC 9111 section 5.1)."""
    if text is None:
        return 0.0
    first = text.partition(",")[0].strip(" \t")
    if not (first.isascii() and first.isdigit()):
        return 0.0
    return parse(f"max-age={first}").max_age or 0.0


def is_strict(facts: ResponseDirectives) -> bool:
    """Whether the origin forbids its answer once it is stale (RFC 9111 section 4.2.4)."""
    control = facts.control
    return control.must_revalidate or control.proxy_revalidate or control.no_cache


def windows(facts: ResponseDirectives, rules: CacheOptions) -> tuple[float, float]:
    """Seconds past its lifetime in which an answer is given while it is fetched again, and on errors (RFC 5861).

    What the origin names counts; s-maxage without it means that the route's own have no place, because it says what
    proxy-revalidate says (RFC 9111 section 5.2.2.10).
    """
    control = facts.control
    if is_strict(facts):
        return 0.0, 0.0
    while_fetched: float | None = control.stale_while_revalidate
    on_error: float | None = control.stale_if_error
    own = control.s_maxage is None
    if while_fetched is None:
        while_fetched = rules.stale_while_revalidate if own else 0.0
    if on_error is None:
        on_error = rules.stale_if_error if own else 0.0
    return while_fetched, on_error
