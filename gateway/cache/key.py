"""The key of what is kept: route, URL, and whatever else of a request makes its answer another one.

SECURITY: the URL is taken as it came and not in its canonical form.  The upstream gets it as it came too, and may give
another answer for another spelling, which must not be found under the first one (tests/unit/caching/test_keys.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from gateway.exchange import Exchange
from gateway.http import template as templates

if TYPE_CHECKING:
    from gateway.auth.caller import Caller


@dataclass(frozen=True, slots=True)
class KeyRules:
    """What a route says of its keys.

    query       the only parameters that count; None = all
    ignore      parameters that do not; one that ends in * is all that begin so
    headers     lower-case
    claims      paths of names, joined with dots
    told        likewise, those that go upstream: they tell apart what callers have of their own
    """

    query: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(slots=True)
class Key:
    """Where an answer is looked for: under `own`, and under `public` where that is another one."""

    own: str
    public: str
    #: authority, path and query
    url: str


class Keys:
    """Makes the keys of a route; `by_caller` keeps callers apart."""

    def __init__(self, route: str, rules: KeyRules, *, by_caller: bool) -> None:
        # NOTE: what was kept before the route knew callers, or while it said `shared`, is not found any more.
        self._route = f"{route}\ncallers" if by_caller else route
        self._by_caller = by_caller
        self._headers = rules.headers
        self._claims = tuple(tuple(claim.split(".")) for claim in rules.claims)
        self._told = tuple(tuple(claim.split(".")) for claim in rules.told)
        self._takes = _taking(rules)
        self._is_simple = not (by_caller or rules.headers or rules.claims)

    def of(self, exchange: Exchange) -> Key | None:
        """The key; None for a caller without a name, for whom nothing can be kept apart."""
        url = exchange.authority.lower() + self._target(exchange.target)
        public = f"{self._route}\n{exchange.scheme}\n{url}\n{self._target(exchange.upstream_path or '')}"
        if self._is_simple:
            return Key(public, public, url)
        public = "\n".join((public, *(repr(exchange.header(name)) for name in self._headers)))
        caller = exchange.caller
        if self._claims:
            claims = {} if caller is None else caller.claims
            public = "\n".join((public, *(repr(templates.claim_at(claims, path)) for path in self._claims)))
        if not self._by_caller:
            return Key(public, public, url)
        if caller is None:  # `optional: true`; what a stranger gets is no caller's unless it says so
            return Key(f"{public}\n", public, url)
        if not caller.subject:
            return None
        told = (repr(templates.claim_at(caller.claims, path)) for path in self._told)
        return Key("\n".join((public, _named(caller), *told)), public, url)

    def _target(self, target: str) -> str:
        takes = self._takes
        if takes is None or "?" not in target:
            return target
        path, _, query = target.partition("?")
        kept = "&".join(sorted(pair for pair in query.split("&") if takes(_decoded(pair.partition("=")[0]))))
        return f"{path}?{kept}" if kept else path


@lru_cache(maxsize=4096)
def _named(caller: Caller) -> str:
    """Who calls, with what, and what the upstream is told of it."""
    granted = (sorted(caller.scopes), sorted(caller.roles), caller.forward)
    return repr((caller.provider, caller.subject, granted))


def _decoded(name: str) -> str:
    return unquote_plus(name) if "%" in name or "+" in name else name


def _taking(rules: KeyRules) -> Callable[[str], bool] | None:
    """Whether a parameter counts; None where all of them do, as they came."""
    only, ignored = rules.query, rules.ignore
    if only is None and not ignored:
        return None
    names = frozenset(each for each in ignored if not each.endswith("*"))
    beginnings = tuple(each[:-1] for each in ignored if each.endswith("*"))

    def takes(name: str) -> bool:
        return (only is None or name in only) and name not in names and not (beginnings and name.startswith(beginnings))

    return takes
