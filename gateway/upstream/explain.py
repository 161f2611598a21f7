"""The part of `gateway explain` that is about targets: where in an upstream a request would go, and why.

What is written in the configuration decides; which targets are down, ejected or drained now, and what they have to do,
only the gateway that serves knows (GET /api/upstreams).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gateway.config.model import Document
    from gateway.contracts import Plan
    from gateway.exchange import Exchange
    from gateway.upstream.options import Target, Upstream
    from gateway.upstream.targets import TargetSet

BY_LOAD: Final = {
    "p2c": "of two drawn by weight the one with the lower latency times requests in flight",
    "round_robin": "each in its turn, by weight",
    "random": "any, by weight",
    "least_requests": "the one with the fewest requests in flight for its weight",
}


@dataclass(frozen=True, slots=True)
class Picks:
    """An exchange, after the steps that are run offline, and what could take it."""

    document: Document
    plan: Plan
    exchange: Exchange

    def upstream(self, name: str) -> dict[str, Any]:
        """An upstream, its targets with their shares, and the one that is sure to be picked when all are well.

        `found` says how targets are found, if they are; `url` is null where time and load decide.
        """
        source: Upstream = next(each for each in self.document.upstreams if each.name == name)
        path = self.exchange.target if self.exchange.upstream_path is None else self.exchange.upstream_path
        urls = [_url(target, path) for target in source.targets]
        whole = sum(target.weight for target in source.targets)
        at, why = self._pick(source)
        return {
            "name": source.name,
            "where": source.where,
            "speaks": "gRPC" if source.is_grpc else "HTTP",
            "balance": source.balance.kind,
            "found": str(source.discovery) if source.discovery is not None else None,
            "urls": urls,
            "shares": [target.weight / whole for target in source.targets],
            "picked": {"url": None if at is None else urls[at], "why": why},
        }

    def _pick(self, source: Upstream) -> tuple[int | None, str]:
        """(the place of the target, why it), or (None, what decides)."""
        balance, count = source.balance, len(source.targets)
        if not count:
            return None, "" if source.discovery is None else "known once they are found"
        if count == 1:
            return 0, "the only one"
        if balance.kind not in ("hash", "sticky"):
            return None, BY_LOAD[balance.kind]
        return self._by_cookie(source) if balance.kind == "sticky" else self._by_key(source)

    def _by_cookie(self, source: Upstream) -> tuple[int | None, str]:
        from gateway.upstream.balance.affinity import CookieAffinity, cookie
        from gateway.upstream.balance.balancers import PowerOfTwoChoices

        sticky: CookieAffinity[Any] = CookieAffinity(source.name, PowerOfTwoChoices())
        value = cookie(self.exchange.headers, sticky.cookie)
        tokens = [sticky.token_of(target) for target in self._fleet(source).targets]
        if value in tokens:
            return tokens.index(value), f"its cookie {sticky.cookie} says so"
        return None, f"no cookie {sticky.cookie} of a target: {BY_LOAD['p2c']}"

    def _by_key(self, source: Upstream) -> tuple[int | None, str]:
        """What the real balancer says of idle targets that are all well."""
        from gateway.upstream.balance.affinity import key_of

        balance = source.balance
        of = f"{balance.key}:{balance.name}" if balance.name else balance.key
        key = key_of(balance.key, balance.name)(self.exchange)
        if not key:
            return None, f"without {of}: {BY_LOAD['p2c']}"
        fleet = self._fleet(source)
        picked, _ = fleet.pick(self.exchange, 0)
        return fleet.targets.index(picked), f"the hash of {of} says so, which is {key!r} here"

    def _fleet(self, source: Upstream) -> TargetSet:
        found: TargetSet = next(each.fleet for each in self.plan.attempts if each.name == source.name)
        return found


def _url(target: Target, path: str) -> str:
    return f"unix:{target.socket} {path}" if target.scheme == "unix" else target.url.rstrip("/") + path
