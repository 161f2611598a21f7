"""Options of routes, as values: frozen, picklable, and free of YAML.

Durations are seconds (float), sizes are bytes (int), shares are 0..1 (float), file names are absolute.
Every `where` is "file:line", the place that a step of the plan comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gateway.config.diagnostics import Diagnostic, Position
from gateway.config.header_edits_model import HeaderRules, Pairs
from gateway.config.options import Options
from gateway.config.plugin_policies import PluginPolicy

T = TypeVar("T", bound=Options)

if TYPE_CHECKING:
    from gateway.alerting.options import Alerting
    from gateway.auth.model import Access, Provider, Role
    from gateway.cache.options import Cache
    from gateway.handlers.aggregate.options import Aggregate
    from gateway.handlers.function.options import Function
    from gateway.handlers.grpc.options import Grpc
    from gateway.handlers.jsonrpc.options import GraphQL, GraphQLPass, JsonRpc
    from gateway.handlers.queue.options import Enqueue
    from gateway.handlers.respond_model import Respond
    from gateway.observability.access_log_options import AccessLog
    from gateway.observability.audit.options import Audit
    from gateway.observability.metrics.options import Metrics, Statsd
    from gateway.observability.tracing.options import Tracing
    from gateway.policies.compress.options import Compress
    from gateway.policies.cors.options import Cors
    from gateway.policies.idempotency.options import Idempotency
    from gateway.policies.ip.options import IpRules
    from gateway.policies.rewrite.model import Rewrite
    from gateway.policies.transform.options import Transform
    from gateway.ratelimit.options import RateLimit
    from gateway.server.options import Server
    from gateway.upstream.options import Upstream
    from gateway.upstream.split_options import Mirror, Split
    from gateway.validation.options import Validate
    from gateway.validation.waf.options import Sanitize


class Match(Options, frozen=True):
    """What a request must be for a route; empty tuples mean "any". Hosts are lower case, header names as written."""

    path: str
    methods: tuple[str, ...]
    hosts: tuple[str, ...]
    headers: Pairs
    query: Pairs
    #: names among them whose values came from references: these are not shown (test_no_secret_is_told)
    hidden: tuple[str, ...] = ()

    def shown(self, pairs: Pairs) -> dict[str, str]:
        """`headers` or `query` as people may see them."""
        return {name: "***" if name in self.hidden else value for name, value in pairs}


class RouteTimeout(Options, frozen=True):
    """Seconds; caps the total of the route's upstream."""

    total: float
    where: str


class Route(Options, frozen=True):
    """One route; exactly one of `upstream`, `split` and `respond` is not None.

    `access` None lets everybody in; `cors` is the name of a Cors, None = none. `passes_grpc`: clients of gRPC call its
    upstreams.
    """

    name: str
    match: Match
    upstream: str | None
    split: Split | None
    mirror: Mirror | None
    respond: Respond | None
    rewrite: Rewrite | None
    timeout: RouteTimeout | None
    headers: HeaderRules | None
    policies: tuple[PluginPolicy, ...]
    access: Access | None
    cors: str | None
    ip: IpRules | None
    priority: int
    where: str
    validate: Validate | None = None
    rate_limit: tuple[RateLimit, ...] = ()
    compress: Compress | None = None
    cache: Cache | None = None
    function: Function | None = None
    aggregate: Aggregate | None = None
    jsonrpc: JsonRpc | None = None
    graphql: GraphQL | GraphQLPass | None = None
    enqueue: Enqueue | None = None
    idempotency: Idempotency | None = None
    sanitize: Sanitize | None = None
    grpc: Grpc | None = None
    transform: Transform | None = None
    passes_grpc: bool = False
    #: options of features that have no field here
    more: tuple[Options, ...] = ()

    def of(self, options: type[T]) -> T | None:
        """The options of a feature that has no field here, None where the route does not ask for it."""
        return next((each for each in self.more if isinstance(each, options)), None)


class Defaults(Options, frozen=True):
    """What is merged under every route (it already is, in `Document.routes`)."""

    headers: HeaderRules | None
    policies: tuple[PluginPolicy, ...]
    access: Access | None
    cors: str | None
    ip: IpRules | None
    compress: Compress | None = None
    sanitize: Sanitize | None = None


class Document(Options, frozen=True):
    """A whole configuration that may be used. The same `version` means the same content: nothing to do.

    `files` are all files read (absolute: included ones, ${file:} secrets, certificates), `patterns` the include
    patterns with wildcards (absolute), `shown` the redacted configuration as JSON text. `store` is "memory" or an
    address with all its secrets.
    """

    version: str
    file: str
    server: Server
    store: str
    upstreams: tuple[Upstream, ...]
    providers: tuple[Provider, ...]
    roles: tuple[Role, ...]
    cors: tuple[Cors, ...]
    defaults: Defaults
    routes: tuple[Route, ...]
    access_log: AccessLog
    plugins: tuple[str, ...]
    files: tuple[str, ...]
    patterns: tuple[str, ...]
    warnings: tuple[Diagnostic, ...]
    shown: str
    metrics: Metrics
    alerting: Alerting
    rate_limits: tuple[RateLimit, ...] = ()
    dashboard: bool = True
    tracing: Tracing | None = None
    server_timing: bool = False
    statsd: Statsd | None = None
    audit: Audit | None = None

    #: where the settings of `server`, `observability`, `audit` and `store` stand: (path, place)
    places: tuple[tuple[str, Position], ...] = ()

    def place(self, path: str, where: str) -> Position:
        """Where a setting stands, or something near it: the line of `where`, a "file:line"."""
        file, _, line = where.rpartition(":")
        return dict(self.places).get(path, (file, int(line), 1))

    @property
    def is_observed(self) -> bool:
        """Whether the process that observes has anything to do."""
        asked = self.metrics.is_on, self.dashboard, self.tracing, self.statsd, self.alerting.alerts
        return any(asked)
