"""cache: answers that are kept, in place of asking the upstream again (RFC 9111, gateway/caching)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.cache.background import invalidate
from gateway.cache.caching_fetch import CachingFetch
from gateway.cache.fetch import Plans
from gateway.cache.key import KeyRules, Keys
from gateway.cache.rules import CacheOptions
from gateway.cache.runtime import CacheRuntime
from gateway.contracts import Fetch, RoutePlan, Steps
from gateway.exchange import Exchange, Response
from gateway.http import template as templates


def compile(
    rules: CacheOptions, keys: KeyRules, inner: RoutePlan, caching: CacheRuntime, *, max_size: int, tags: Sequence[str]
) -> Fetch:
    """The fetch of a route with a cache in front of `inner`, the rest of its line; `max_size` is bytes."""
    plans = Plans(rules, inner, max_size, _tagging(tags))
    return CachingFetch(plans, Keys(inner.name, keys, by_caller=rules.partitioned), caching).fetch


def forgetting(caching: CacheRuntime) -> Steps:
    """The step of a route that has no cache, but may change what others keep (RFC 9111 section 4.4)."""

    def on_response(exchange: Exchange, response: Response) -> None:
        invalidate(exchange, response, caching)

    return Steps(on_response=on_response)


def _tagging(tags: Sequence[str]) -> Callable[[Exchange], tuple[str, ...]]:
    compiled = tuple(templates.compile(tag, "text") for tag in tags)
    return lambda exchange: tuple([each.render(exchange) for each in compiled])
