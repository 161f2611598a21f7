"""Decision about storing an answer (RFC 9111 section 3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.cache.freshness import HEURISTIC, is_strict, lifetime, windows
from gateway.cache.request_directives import RequestDirectives
from gateway.cache.response_directives import TAKEN, ResponseDirectives
from gateway.cache.rules import CacheOptions

#: the statuses whose meaning the gateway knows, for those who insist (must-understand)
_UNDERSTOOD: Final = HEURISTIC | {302, 303, 307, 400, 401, 403, 500, 502, 503, 504}
#: RFC 9110 sections 15.3.7 and 15.4.5: a part, and a word about what is elsewhere
_NEVER: Final = frozenset((206, 304))


def refusal(
    asked: RequestDirectives, status: int, headers: Iterable[tuple[str, str]], rules: CacheOptions
) -> str | None:
    """Why an answer must not be stored, in one word; None where it may be.

    An answer is stored for others than who asked, therefore one with Set-Cookie only where it says public or s-maxage,
    or the route asks for it.
    """
    if asked.method != "GET":
        return "method"
    if asked.control.no_store:
        return "no-store"
    facts = ResponseDirectives.of(headers)
    return (
        _forbidden(status, facts)
        or _personal(asked, facts, rules)
        or _useless(status, facts.under(rules, status), rules)
    )


def _forbidden(status: int, facts: ResponseDirectives) -> str | None:
    control = facts.control
    if status < 200 or status in _NEVER:
        return "status"
    if control.must_understand and status not in _UNDERSTOOD:
        return "must-understand"
    # who understands what must be understood passes over the no-store for all others (RFC 9111 section 5.2.2.3)
    if control.no_store and not control.must_understand:
        return "no-store"
    if control.private:
        return "private"
    if facts.vary is not None and any(each.strip(" \t") == "*" for each in facts.vary.split(",")):
        return "vary"
    return None


def _personal(asked: RequestDirectives, facts: ResponseDirectives, rules: CacheOptions) -> str | None:
    """SECURITY: what was made for one caller (test_storing.py)."""
    control = facts.control
    for_all = control.public or control.s_maxage is not None
    if facts.sets_cookie and not (for_all or rules.cookies):
        return "set-cookie"
    lifted = rules.shared or rules.partitioned
    if asked.has_authorization and not (for_all or control.must_revalidate or lifted):
        return "authorization"
    return None


def _useless(status: int, facts: ResponseDirectives, rules: CacheOptions) -> str | None:
    """What nobody said that it may be kept, and what could never be given again."""
    control = facts.control
    is_explicit = bool(control.public or facts.expires) or control.max_age is not None or control.s_maxage is not None
    if not (is_explicit or status in HEURISTIC):
        return "status"
    if facts.has_validator or lifetime(status, facts, rules, facts.date or 0.0) > 0.0:
        return None
    if not is_strict(facts) and max(windows(facts, rules)) > 0.0 and (is_explicit or status in TAKEN):
        return None
    return "no-freshness"
