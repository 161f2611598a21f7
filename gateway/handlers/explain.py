"""The part of `gateway explain` that is about what a route does when it does not just ask one upstream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.config.model import Document
    from gateway.config.model import Route as RouteSpec
    from gateway.handlers.aggregate.options import Aggregate, Part
    from gateway.upstream.resilience.options import Retry


def action(source: RouteSpec, total: float, document: Document) -> dict[str, Any] | None:
    """Its name, place, seconds and what it does, in lines; None for a route with `upstream` or `split`."""
    spec: Any
    if (spec := source.function) is not None:
        name, does = "wsgi" if spec.is_wsgi else "function", [f"calls {spec.call}, {spec.timeout:g} s at most"]
    elif (spec := source.aggregate) is not None:
        name, does = "aggregate", list(_parts(spec, document))
    elif (spec := source.jsonrpc) is not None:
        name, does = "jsonrpc", [f"calls {spec.method} by POST {spec.path} of {spec.upstream}"]
    elif (spec := source.graphql) is not None:
        name, does = "graphql", [f"asks {spec.upstream} by POST {spec.path}"]
    elif (spec := source.enqueue) is not None:
        name, does = "enqueue", [f"adds to the stream {spec.stream}, of {spec.most} entries at most"]
    elif (spec := source.grpc) is not None:
        name, does = "grpc", [f"calls methods of {spec.upstream} by the rules of {spec.file or 'its reflection'}"]
    else:
        return None
    return {"name": name, "where": spec.where, "total": total, "does": does}


def in_words(upstream: dict[str, Any]) -> Iterator[str]:
    """Lines for people."""
    yield from (f"{'' if number else 'does':10}{line}" for number, line in enumerate(upstream["does"]))


def _parts(spec: Aggregate, document: Document) -> Iterator[str]:
    upstreams = {upstream.name: upstream.retry for upstream in document.upstreams}
    for part in spec.parts:
        notes = [f"after {' and '.join(part.needs)}"] if part.needs else []
        notes += ["required"] if part.is_required else []
        notes += _tries(part, upstreams[part.upstream])
        yield ", ".join((f"{part.name}: {part.method} {part.path} of {part.upstream}", *notes))


def _tries(part: Part, upstream: Retry | None) -> list[str]:
    """How often it is tried, by its own rules or the upstream's; nothing where nobody says anything of it."""
    rules = upstream if part.retry is None else part.retry.over(upstream)
    if rules is None:
        return [] if part.retry is None else ["tried once"]
    kind = "" if part.method in rules.methods else " if it was not sent"
    on = ", ".join(map(str, rules.on))
    return [f"tried again {'once' if rules.attempts == 1 else f'{rules.attempts} times'} at most{kind} (on {on})"]
