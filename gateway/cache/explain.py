"""The part of `gateway explain` about answers that are kept: for how long, and what they are found by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.cache.options import Cache
    from gateway.config.model import Route


def cached(source: Route | None) -> dict[str, Any] | None:
    """What a route keeps; None where it keeps nothing."""
    spec = None if source is None else source.cache
    if source is None or spec is None:
        return None
    return {
        "where": spec.where,
        "ttl": spec.ttl,
        "stale_while_revalidate": spec.stale_while_revalidate,
        "stale_if_error": spec.stale_if_error,
        "key": _key(spec, source),
        "tags": list(spec.tags),
    }


def in_words(report: dict[str, Any]) -> Iterator[str]:
    """The same as lines for people."""
    cache = report["cache"]
    if cache is None:
        return
    times = [f"{cache['ttl']:g} s where the origin does not say" if cache["ttl"] else "as long as the origin says"]
    if cache["stale_while_revalidate"]:
        times.append(f"{cache['stale_while_revalidate']:g} s more while it is fetched")
    if cache["stale_if_error"]:
        times.append(f"{cache['stale_if_error']:g} s more on errors")
    yield f"cache     {', '.join(times)}, {cache['where']}"
    yield f"          key: {', '.join(cache['key'])}"
    if cache["tags"]:
        yield f"          tags: {', '.join(cache['tags'])}"


def _key(spec: Cache, source: Route) -> list[str]:
    from gateway.cache.compile import key_of, rules_of

    key, rules = key_of(spec, source), rules_of(spec, source)
    parts = ["route", "scheme", "host", "path"]
    if spec.key.query is None:
        parts.append("query" + (f" without {' '.join(spec.key.ignore)}" if spec.key.ignore else ""))
    else:
        parts += [f"query {name}" for name in spec.key.query]
    parts += [f"header {name}" for name in dict.fromkeys((*key.headers, *rules.vary))]
    parts += [f"claim {name}" for name in dict.fromkeys((*key.claims, *key.told))]
    return [*parts, "caller"] if rules.partitioned else parts
