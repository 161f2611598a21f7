"""Registry of features: what each gives to the generic rooms, by name, and the order of the walk.

A feature is one folder.  It is plugged in here and nowhere else: configuration, compilation, commands and the collector
loop over FEATURES.  All references are strings, "module:name", so that reading this module imports no feature, and a
feature that nobody asks for is not imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, NamedTuple

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

#: the steps of the gateway in the order of the walk, backwards on the way out; each is a place for a plugin beside it
ORDER: Final = (
    "meter", "trace", "log", "audit", "server-timing", "response-headers", "limit-preflight", "cors", "ip", "limit",
    "identity", "session", "access", "limit-client", "guard", "screen", "idempotency", "rewrite", "headers", "cache",
    "compress", "idempotency-answer", "transform",
)  # fmt: skip
#: the sections of a file, in the order in which the schema has them; others come after these
SECTIONS: Final = (
    *("version", "include", "server", "store", "upstreams", "auth", "roles", "cors", "rate_limits", "defaults"),
    *("routes", "observability", "alerts", "escalation", "inhibit", "silences", "audit"),
)
#: the keys of a route that may also stand in `defaults`
DEFAULTS: Final = ("headers", "policies", "auth", "cors", "ip", "compress", "sanitize")


class Feature(NamedTuple):
    """What a feature gives.  A reference that it has no use for is left out."""

    name: str
    #: sections of its own that may stand in several files
    shared: tuple[str, ...] = ()
    #: () -> schemas of sections of a file, of keys of a route, of keys of `observability`, and definitions, by name
    sections: str = ""
    route_keys: str = ""
    observability_keys: str = ""
    definitions: str = ""
    #: (config.reading.Reading) -> fields of the Document, by name
    read: str = ""
    #: fields of a Route, and of `defaults`: (OptionReader, config.reading.RouteContext) -> the value
    route: Mapping[str, str] = _NOTHING
    #: (config.reading.Reading): reports mistakes that show only beside other parts
    check: str = ""
    #: (config.compiling.CompileContext) -> config.compiling.Compiler
    compile: str = ""
    #: what outlives a plan, as RuntimeResources has it before a server puts its own there: () -> the object
    runtime: Mapping[str, str] = _NOTHING
    #: commands of `gateway`, by name
    commands: Mapping[str, str] = _NOTHING
    #: admin.resource.Endpoints of the admin API
    admin: str = ""
    #: (CollectorContext, the components so far) -> components of the collector
    collector: str = ""


FEATURES: Final = (
    Feature(
        "config",
        admin="gateway.control.resources:ENDPOINTS",
        commands={
            "check": "gateway.cli.commands:check",
            "routes": "gateway.cli.commands:routes",
            "schema": "gateway.cli.commands:schema",
        },
    ),
    Feature(
        "server",
        sections="gateway.server.options:sections",
        read="gateway.server.options:read",
        commands={"serve": "gateway.server.cli:serve", "health": "gateway.server.cli:health"},
    ),
    Feature(
        "upstream",
        shared=("upstreams",),
        sections="gateway.upstream.options:sections",
        read="gateway.upstream.options:read",
        compile="gateway.upstream.compile:UpstreamCompiler",
        admin="gateway.upstream.admin:ENDPOINTS",
        runtime={
            "pools": "gateway.upstream.pool.registry:Pools",
            "sources": "gateway.upstream.discovery.registry:DiscoveryRegistry",
            "lanes": "gateway.upstream.mirror:MirrorQueues",
            "hands": "gateway.upstream.greenlets:GreenletPool",
            "traffic": "gateway.upstream.target_state:TargetStateTable.private",
        },
    ),
    Feature(
        "routing",
        shared=("routes",),
        sections="gateway.routing.schema:sections",
        definitions="gateway.routing.schema:definitions",
        read="gateway.routing.section:read",
        check="gateway.routing.section:check",
        commands={"explain": "gateway.routing.cli:explain", "import": "gateway.routing.openapi.cli:import_"},
    ),
    Feature(
        "access-log",
        observability_keys="gateway.observability.access_log_options:observability_keys",
        read="gateway.observability.access_log_options:read",
        compile="gateway.observability.access_log_compile:AccessLogCompiler",
    ),
    Feature(
        "metrics",
        observability_keys="gateway.observability.metrics.options:observability_keys",
        read="gateway.observability.metrics.options:read",
        compile="gateway.observability.metrics.compile:MetricsCompiler",
        collector="gateway.control.dashboard.overview:components",
    ),
    Feature(
        "alerting",
        sections="gateway.alerting.options:sections",
        read="gateway.alerting.section:read",
        commands={
            "alerts": "gateway.alerting.cli:alerts",
            "anomaly": "gateway.alerting.anomaly.cli:anomaly",
            "export": "gateway.alerting.export.cli:export",
        },
        collector="gateway.alerting.component:components",
    ),
    Feature(
        "control",
        commands={"top": "gateway.control.cli:top"},
        collector="gateway.control.dashboard.app:components",
    ),
    Feature(
        "tracing",
        observability_keys="gateway.observability.tracing.options:observability_keys",
        read="gateway.observability.tracing.options:read",
        compile="gateway.observability.tracing.compile:TracingCompiler",
        collector="gateway.observability.tracing.spans:components",
    ),
    Feature(
        "audit",
        sections="gateway.observability.audit.options:sections",
        read="gateway.observability.audit.options:read",
        compile="gateway.observability.audit.compile:AuditCompiler",
        commands={"audit": "gateway.observability.audit.cli:audit"},
        collector="gateway.observability.audit.metrics:components",
    ),
    Feature("exporters", collector="gateway.control.exporters:components"),
    Feature(
        "auth",
        shared=("auth", "roles"),
        sections="gateway.auth.schema:sections",
        route_keys="gateway.auth.access_options:route_keys",
        definitions="gateway.auth.access_options:definitions",
        read="gateway.auth.section:read",
        route={"access": "gateway.auth.access_options:read_access"},
        check="gateway.auth.section:check",
        compile="gateway.auth.compile:AuthCompiler",
        admin="gateway.auth.admin:ENDPOINTS",
        commands={"keys": "gateway.auth.cli:keys", "token": "gateway.auth.cli:token"},
    ),
    Feature(
        "cors",
        shared=("cors",),
        sections="gateway.policies.cors.options:sections",
        route_keys="gateway.policies.cors.options:route_keys",
        read="gateway.policies.cors.options:read",
        route={"cors": "gateway.policies.cors.options:read_cors_name"},
        check="gateway.policies.cors.options:check",
        compile="gateway.policies.cors.compile:CorsCompiler",
    ),
    Feature(
        "ip",
        route_keys="gateway.policies.ip.options:route_keys",
        definitions="gateway.policies.ip.options:definitions",
        route={"ip": "gateway.policies.ip.options:read_ip"},
        compile="gateway.policies.ip.policy:IpCompiler",
    ),
    Feature(
        "ratelimit",
        shared=("rate_limits",),
        sections="gateway.ratelimit.options:sections",
        route_keys="gateway.ratelimit.options:route_keys",
        read="gateway.ratelimit.options:read",
        route={"rate_limit": "gateway.ratelimit.options:read_route_limits"},
        compile="gateway.ratelimit.compile:RateLimitCompiler",
        admin="gateway.ratelimit.admin:ENDPOINTS",
        runtime={"limiting": "gateway.ratelimit.runtime:RateLimitRuntime.private"},
    ),
    Feature(
        "validation",
        route_keys="gateway.validation.options:route_keys",
        route={"validate": "gateway.validation.options:read_validate"},
        check="gateway.validation.options:check",
        compile="gateway.validation.compile:ValidationCompiler",
    ),
    Feature(
        "waf",
        route_keys="gateway.validation.waf.options:route_keys",
        definitions="gateway.validation.waf.options:definitions",
        route={"sanitize": "gateway.validation.waf.options:read_sanitize"},
        compile="gateway.validation.waf.compile:WafCompiler",
    ),
    Feature(
        "idempotency",
        route_keys="gateway.policies.idempotency.options:route_keys",
        route={"idempotency": "gateway.policies.idempotency.options:read_idempotency"},
        compile="gateway.policies.idempotency.compile:IdempotencyCompiler",
    ),
    Feature("rewrite", compile="gateway.policies.rewrite.policy:RewriteCompiler"),
    Feature("headers", compile="gateway.policies.headers.policy:HeadersCompiler"),
    Feature(
        "compress",
        route_keys="gateway.policies.compress.options:route_keys",
        route={"compress": "gateway.policies.compress.options:read_compress"},
        compile="gateway.policies.compress.policy:CompressCompiler",
    ),
    Feature(
        "transform",
        route_keys="gateway.policies.transform.options:route_keys",
        route={"transform": "gateway.policies.transform.options:read_transform"},
        compile="gateway.policies.transform.compile:TransformCompiler",
    ),
    Feature(
        "cache",
        route_keys="gateway.cache.options:route_keys",
        route={"cache": "gateway.cache.options:read_cache"},
        compile="gateway.cache.compile:CacheCompiler",
        admin="gateway.cache.admin:ENDPOINTS",
        runtime={"caching": "gateway.cache.runtime:CacheRuntime.private"},
        commands={"cache": "gateway.cache.cli:cache"},
    ),
    Feature(
        "function",
        route_keys="gateway.handlers.function.options:route_keys",
        route={"function": "gateway.handlers.function.options:read_function"},
    ),
    Feature(
        "aggregate",
        route_keys="gateway.handlers.aggregate.options:route_keys",
        route={"aggregate": "gateway.handlers.aggregate.options:read_aggregate"},
    ),
    Feature(
        "jsonrpc",
        route_keys="gateway.handlers.jsonrpc.options:route_keys",
        route={
            "jsonrpc": "gateway.handlers.jsonrpc.options:read_jsonrpc",
            "graphql": "gateway.handlers.graphql.section:read_graphql",
        },
    ),
    Feature(
        "grpc",
        route_keys="gateway.handlers.grpc.options:route_keys",
        route={"grpc": "gateway.handlers.grpc.options:read_grpc"},
    ),
    Feature(
        "queue",
        route_keys="gateway.handlers.queue.options:route_keys",
        route={"enqueue": "gateway.handlers.queue.options:read_enqueue"},
        check="gateway.handlers.queue.options:check",
    ),
    Feature("collector", admin="gateway.control.proxy:ENDPOINTS"),
    Feature("reload", admin="gateway.control.resources:RELOAD"),
    Feature("handlers", compile="gateway.handlers.compile:HandlerCompiler"),
    Feature("tuning", commands={"tune": "gateway.tuning.cli:tune"}),
    Feature(
        "examples",
        commands={
            "demo-traffic": "gateway.examples.cli:demo_traffic",
            "quickstart": "gateway.examples.quickstart_cli:quickstart",
        },
    ),
)


@cache
def load(reference: str) -> Any:
    """What "module:name" or "module:Class.name" refers to; its module is imported now."""
    module, _, names = reference.partition(":")
    found: Any = import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    return found


def hooks(kind: str) -> Iterator[tuple[str, Any]]:
    """(name, what it gives) of each feature that has one of the kind, a field of Feature; in the order of FEATURES."""
    for feature in FEATURES:
        reference = getattr(feature, kind)
        if reference:
            yield feature.name, load(reference)


def members(kind: str) -> dict[str, str]:
    """All references of a kind that is a mapping, by name."""
    return {name: reference for feature in FEATURES for name, reference in getattr(feature, kind).items()}
