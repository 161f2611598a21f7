"""From what a route does (`upstream`, `split`, `respond`, …) to its fetch: the part of `compile` about answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gateway.config.compiling import NO_UPSTREAM_TOTAL, CompileContext, Compiler, Handled
from gateway.config.model import Route
from gateway.contracts import Fetch, Steps
from gateway.handlers.aggregate.options import Aggregate
from gateway.handlers.function.options import Function
from gateway.handlers.grpc.options import Grpc
from gateway.handlers.jsonrpc.options import GraphQL, GraphQLPass, JsonRpc
from gateway.handlers.queue.options import Enqueue as EnqueueSpec
from gateway.handlers.respond import Respond
from gateway.handlers.respond_model import Respond as RespondSpec
from gateway.handlers.unmatched import NotFoundHandler, RejectedHandler
from gateway.http import template as templates
from gateway.upstream import header_edits
from gateway.upstream.compile import CompiledUpstream, UpstreamBuilder
from gateway.upstream.mirror import Mirror
from gateway.upstream.split import Split, SplitSelector, WeightedUpstream
from gateway.upstream.split_options import Split as SplitSpec

if TYPE_CHECKING:
    from gateway.handlers.grpc.compile import Transcoders

#: see gateway.state.redis.scripts.Scripts.run
Run = Callable[[Sequence[Any]], list[Any]]


class HandlerCompiler(Compiler):
    """What the routes of one plan do, but for those that another feature serves itself."""

    def __init__(self, context: CompileContext) -> None:
        upstreams = context.compilers["upstream"]
        self._report = context.report
        self._document = context.document
        self._services: UpstreamBuilder = upstreams.builder
        self._upstreams: Mapping[str, CompiledUpstream | None] = upstreams.upstreams
        self._resources = context.resources
        self._singles: dict[str, CompiledUpstream | None] = {}
        self._transcoders: Transcoders | None = None

    def handle_bare(self, name: str) -> Handled:
        """What answers a request that reaches no route."""
        handler = NotFoundHandler() if name == "unmatched" else RejectedHandler()
        return Handled(handler.fetch, NO_UPSTREAM_TOTAL, "")

    def handle(self, route: Route) -> Handled:
        """What answers a route."""
        if route.respond is not None:
            return Handled(_respond(route.respond).fetch, NO_UPSTREAM_TOTAL, "respond")
        return Handled(*(self._made(route) or self._proxied(route)))

    def _made(self, route: Route) -> tuple[Fetch, float, str] | None:
        """The same for what is more than asking an upstream; None for what is not."""
        if route.function is not None:
            return self._function(route, route.function)
        if route.aggregate is not None:
            return self._aggregate(route, route.aggregate)
        if route.enqueue is not None:
            return self._enqueue(route.enqueue)
        if (spec := route.jsonrpc or route.graphql) is not None:
            return self._translate(route, spec)
        return self._grpc(route, route.grpc) if route.grpc is not None else None

    def _proxied(self, route: Route) -> tuple[Fetch, float, str]:
        name = "split" if route.split is not None else route.upstream or ""
        service = self._service(route, name) if route.split is None else self._split(route, route.split)
        if service is None:
            return NotFoundHandler().fetch, NO_UPSTREAM_TOTAL, name
        total = min(service.total, route.timeout.total) if route.timeout else service.total
        return self._mirrored(route, service.fetch), total, name

    def _service(self, route: Route, name: str) -> CompiledUpstream | None:
        """An upstream as a route asks it."""
        service = self._upstreams.get(name)
        return service if service is None or not route.passes_grpc else _passing(name, service)

    def _function(self, route: Route, spec: Function) -> tuple[Fetch, float, str]:
        from gateway.config.python_import import ImportingError, callable_of
        from gateway.handlers.function.call_limits import CallLimits  # PERF: for configurations that have any
        from gateway.handlers.function.handler import Function as Called
        from gateway.handlers.function.wsgi import Wsgi

        kind = "wsgi" if spec.is_wsgi else "function"
        try:
            found = callable_of(spec.call)
        except ImportingError as error:
            self._report(spec.where, f"routes.{route.name}.{kind}", str(error), error.hint)
            return NotFoundHandler().fetch, NO_UPSTREAM_TOTAL, kind
        bounds = CallLimits(spec.call, spec.timeout, spec.concurrency)
        most = self._document.server.limits.body
        made = Wsgi(found, bounds, spec.prefix) if spec.is_wsgi else Called(found, bounds, most)
        return made.fetch, route.timeout.total if route.timeout else NO_UPSTREAM_TOTAL, kind

    def _aggregate(self, route: Route, spec: Aggregate) -> tuple[Fetch, float, str]:
        from gateway.handlers.aggregate.compile import aggregating  # PERF: for configurations that have any

        made = aggregating(spec, self._upstreams, self._resources.hands)
        if made is None:
            return NotFoundHandler().fetch, NO_UPSTREAM_TOTAL, "aggregate"
        upstream, total = made
        return upstream.fetch, min(total, route.timeout.total) if route.timeout else total, "aggregate"

    def _translate(self, route: Route, spec: JsonRpc | GraphQL | GraphQLPass) -> tuple[Fetch, float, str]:
        from gateway.handlers.jsonrpc import compile as compile_translate  # PERF: for configurations that have any

        name = "jsonrpc" if isinstance(spec, JsonRpc) else "graphql"
        service = self._upstreams.get(spec.upstream)
        if service is None:
            return NotFoundHandler().fetch, NO_UPSTREAM_TOTAL, name
        total = min(service.total, route.timeout.total) if route.timeout else service.total
        if isinstance(spec, JsonRpc):
            return compile_translate.compile_jsonrpc(spec, service).fetch, total, name
        if isinstance(spec, GraphQL):
            return compile_translate.compile_graphql(spec, service).fetch, total, name
        return compile_translate.compile_passthrough(spec, service).fetch, total, name

    def _enqueue(self, spec: EnqueueSpec) -> tuple[Fetch, float, str]:
        from gateway.handlers.queue.handler import Enqueue  # PERF: for configurations that have any

        made = Enqueue(
            spec.stream,
            self._run(),
            most=spec.most,
            drops=spec.drops,
            headers=spec.headers,
            max_body=min(spec.max_body, self._document.server.limits.body),
        )
        return made.fetch, NO_UPSTREAM_TOTAL, "enqueue"

    def _run(self) -> Run | None:
        """What asks the Redis of `store`; None for plans that serve nobody."""
        store = self._resources.limiting.shared()
        return None if store is None else store.scripts.run

    def _grpc(self, route: Route, spec: Grpc) -> tuple[Fetch, float, str]:
        from gateway.handlers.grpc.compile import Transcoders  # PERF: and an extra, for configurations that have any

        service = self._upstreams.get(spec.upstream)
        if service is None:
            return NotFoundHandler().fetch, NO_UPSTREAM_TOTAL, "grpc"
        if self._transcoders is None:
            self._transcoders = Transcoders(self._services.reflections)
        upstream = next(each for each in self._document.upstreams if each.name == spec.upstream)
        total = min(service.total, route.timeout.total) if route.timeout else service.total
        made = self._transcoders.make(spec, service, (upstream.targets, upstream.discovery))
        return made.fetch, total, "grpc"

    @property
    def kept(self) -> tuple[object, ...]:
        """What looks after itself while the plan serves."""
        return self._transcoders.kept if self._transcoders is not None else ()

    def _split(self, route: Route, spec: SplitSpec) -> CompiledUpstream | None:
        legs, totals = [], []
        for each in spec.legs:
            service = self._service(route, each.upstream)
            if service is None:
                return None
            edits = header_edits.compile(each.headers) if each.headers else Steps()
            legs.append(WeightedUpstream(service.fetch, edits.on_request, edits.on_response))
            totals.append(service.total)
        return CompiledUpstream(Split(choice(route.name, spec), legs).fetch, max(totals))

    def _mirrored(self, route: Route, fetch: Fetch) -> Fetch:
        spec = route.mirror
        if spec is None:
            return fetch
        if spec.upstream not in self._singles:
            upstream = next(each for each in self._document.upstreams if each.name == spec.upstream)
            self._singles[spec.upstream] = self._services.build_single(upstream)
        service = self._singles[spec.upstream]
        if service is None:
            return fetch
        if route.passes_grpc:
            service = _passing(spec.upstream, service)
        lane = self._resources.lanes.get(spec.upstream)
        return Mirror(fetch, service.fetch, lane, share=spec.share, total=service.total).fetch


def _passing(name: str, service: CompiledUpstream) -> CompiledUpstream:
    """The same for calls of clients that speak gRPC themselves."""
    from gateway.handlers.grpc.passthrough import GrpcProxy  # PERF: for configurations that have any

    return service._replace(fetch=GrpcProxy(name, service.fetch, service.total).fetch)


def choice(route: str, spec: SplitSpec) -> SplitSelector:
    """What decides between the legs of a split; `explain` asks it as well."""
    return SplitSelector(route, [(leg.upstream, leg.weight) for leg in spec.legs], spec.sticky, spec.override)


def _respond(spec: RespondSpec) -> Respond:
    made = []
    for name, value in spec.headers:
        place: templates.Place = "url" if name.lower() == "location" else "header"
        template = templates.compile(value, place)
        made.append((name, template.text if template.is_constant else template.render))
    body = templates.compile(spec.body, "text")
    return Respond(spec.status, made, body.text if body.is_constant else body.render)
