"""From `rate_limits` and `rate_limit` of a Document to steps: the part of `compile` about how often one may call."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import OnRequest, Step, Steps
from gateway.exchange import Exchange, Response
from gateway.http.preflight import is_preflight
from gateway.ratelimit import policy
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.options import RateLimit
from gateway.ratelimit.pace import TICK
from gateway.ratelimit.runtime import RateLimitRuntime

#: the step before it is known who calls, and the one after
EARLY, LATE = "limit", "limit-client"
#: the step in front of `cors`, where preflights end
PREFLIGHT = "limit-preflight"


class RateLimitCompiler(Compiler):
    """Makes the steps of limits, in front of `cors` too where preflights end there."""

    def __init__(self, context: CompileContext) -> None:
        document = context.document
        self._limits = Limits(document.rate_limits, context.resources.limiting)
        self._cors = {each.name for each in document.cors}
        self._default_cors = document.defaults.cors

    def steps(self, route: Route) -> Iterator[Step]:
        """The steps of a route."""
        return self._steps(route.name, route.rate_limit, route.cors)

    def bare(self, name: str) -> Iterator[Step]:
        """The steps of what reaches no route."""
        return self._steps(name, (), self._default_cors)

    def _steps(self, route: str, own: tuple[RateLimit, ...], cors: str | None) -> Iterator[Step]:
        yield from self._limits.steps(route, own)
        if cors in self._cors:
            yield from self._limits.preflights(route)


class Limits:
    """The limits of one plan. Buckets are named after limits, so they are the same in every plan that has the limit."""

    def __init__(self, system: tuple[RateLimit, ...], limiting: RateLimitRuntime) -> None:
        self._system = system
        self._limiting = limiting

    def steps(self, route: str, own: tuple[RateLimit, ...] = ()) -> Iterator[Step]:
        """The steps of a route, or of what matches none: the limits for every request, then its own."""
        scoped = [(spec, f"rate_limits/{spec.name}") for spec in self._system]
        scoped += [(spec, f"routes/{route}/{spec.name}") for spec in own]
        spenders = frozenset(spec.cost_header for spec, _ in scoped if spec.cost_header)
        tells = True
        for name, is_late in ((EARLY, False), (LATE, True)):
            asked = [(spec, scope) for spec, scope in scoped if spec.needs_caller is is_late]
            if asked:
                steps = self._steps(route, asked, spenders, tells=tells)
                yield Step(name, asked[0][0].where, steps)
                tells = False

    def preflights(self, route: str) -> Iterator[Step]:
        """The step that holds preflights to the limits for every request; those of the route are not theirs."""
        asked = [(spec, f"rate_limits/{spec.name}") for spec in self._system]
        hook = self._steps(route, asked, frozenset(), tells=False).on_request if asked else None
        if hook is not None:
            yield Step(PREFLIGHT, asked[0][0].where, Steps(_of_preflights(hook)))

    def _steps(self, route: str, asked: list[tuple[RateLimit, str]], spenders: frozenset[str], *, tells: bool) -> Steps:
        keys, store = self._limiting.keys, self._limiting.shared()
        unit = 1 if store is None else TICK
        limits = [Limit(spec, scope, route, keys, unit) for spec, scope in asked]
        return policy.compile(limits, self._limiting.page, store=store, tells=tells, spenders=spenders)


def _of_preflights(hook: OnRequest) -> OnRequest:
    def on_request(exchange: Exchange) -> Response | None:
        return hook(exchange) if exchange.method == "OPTIONS" and is_preflight(exchange.environ) else None

    return on_request
