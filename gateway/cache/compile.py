"""From `cache` of a Document to lines with a cache in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from gateway.cache import policy as cache
from gateway.cache.key import KeyRules
from gateway.cache.options import Cache
from gateway.cache.rules import CacheOptions
from gateway.cache.runtime import CacheRuntime
from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.config.options import Options
from gateway.contracts import RoutePlan, Step, Steps
from gateway.http.accept_encoding import choose
from gateway.http.frozen import FrozenDict
from gateway.http.template_parser import variables


class CacheCompiler(Compiler):
    """The caches of the routes of one plan."""

    def __init__(self, context: CompileContext) -> None:
        self.is_used = any(route.cache is not None for route in context.document.routes)
        self._caching = context.resources.caching

    @property
    def kept(self) -> tuple[CacheRuntime, ...]:
        """What looks after itself while the plan serves."""
        return (self._caching,) if self.is_used else ()

    def around(self, plan: RoutePlan, route: Route, before: Sequence[str]) -> RoutePlan:
        """The same line with the cache in it: `before` are the names of the steps that run for every request.

        What stands behind the cache becomes a line of its own, which is walked when the upstream is asked.
        """
        spec = route.cache
        if spec is None:
            return self._forgetting(plan, route) if self.is_used else plan
        outer = tuple(step for step in plan.steps if step.name in before)
        inner = tuple(step for step in plan.steps if step.name not in before)
        rest = replace(plan, steps=inner)
        fetch = cache.compile(
            rules_of(spec, route), key_of(spec, route), rest, self._caching, max_size=spec.max_size, tags=spec.tags
        )
        shown = tuple(replace(step, steps=Steps(on_close=step.steps.on_close)) for step in inner)
        return replace(plan, steps=(*outer, Step("cache", spec.where, Steps()), *shown), fetch=fetch)

    def _forgetting(self, plan: RoutePlan, route: Route) -> RoutePlan:
        """A route without a cache, whose requests may change what others keep."""
        methods = route.match.methods
        if route.respond is not None or (methods and set(methods) <= {"GET", "HEAD", "OPTIONS"}):
            return plan
        return replace(plan, steps=(*plan.steps, Step("cache", route.where, cache.forgetting(self._caching))))


def rules_of(spec: Cache, route: Route) -> CacheOptions:
    """What the route says of its cache."""
    coding = None if route.compress is None else partial(choose, offered=route.compress.algorithms)
    # Who chooses a leg by a header must not choose it for all others.
    override = route.split.override.lower() if route.split is not None else ""
    return CacheOptions(
        ttl=spec.ttl,
        stale_while_revalidate=spec.stale_while_revalidate,
        stale_if_error=spec.stale_if_error,
        respect_origin=spec.respect_origin,
        heuristic=spec.heuristic,
        shared=spec.shared,
        partitioned=route.access is not None and not spec.shared,
        cookies=spec.cookies,
        vary=(*spec.vary, override) if override else spec.vary,
        coding=coding,
    )


def key_of(spec: Cache, route: Route) -> KeyRules:
    """What the route says of its keys.

    SECURITY: where callers are told apart, so are the claims that go upstream in any text of the route: one subject may
    come with another tenant's (tests/unit/config/test_cache.py).
    """
    told = () if route.access is None or spec.shared else tuple(dict.fromkeys(_claims(route)))
    return KeyRules(spec.key.query, spec.key.ignore, spec.key.headers, spec.key.claims, told)


def _claims(value: Any) -> Iterator[str]:
    """The claims in the texts of a part of the document."""
    if isinstance(value, str):
        yield from (each.name for each in variables(value) if each.kind == "claim")
    elif isinstance(value, Options):
        for name in value.__struct_fields__:
            yield from _claims(getattr(value, name))
    elif isinstance(value, tuple | FrozenDict):
        for each in value.values() if isinstance(value, FrozenDict) else value:
            yield from _claims(each)
