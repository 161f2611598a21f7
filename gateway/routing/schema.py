"""Every section of the configuration language that is built, described once: for the check, for editors, for people."""

from gateway.alerting import schema as schema_alerts
from gateway.auth import access_schema as schema_access
from gateway.auth import schema as schema_identity
from gateway.cache import schema as schema_cache
from gateway.config.schema_parts import (
    FIELD_NAME,
    LINE,
    NAME,
    Schema,
    boolean,
    choice,
    either,
    file_name,
    integer,
    listing,
    mapping,
    quantity,
    section,
    text,
)
from gateway.handlers.aggregate import schema as schema_aggregate
from gateway.handlers.function import schema as schema_function
from gateway.handlers.grpc import schema_options as schema_grpc
from gateway.handlers.jsonrpc import schema as schema_translate
from gateway.handlers.queue import schema as schema_enqueue
from gateway.observability.audit import schema as schema_audit
from gateway.observability.metrics import schema as schema_metrics
from gateway.observability.metrics import statsd_schema as schema_statsd
from gateway.observability.tracing import schema as schema_tracing
from gateway.policies.compress import schema as schema_compress
from gateway.policies.idempotency import schema as schema_idempotency
from gateway.policies.transform import schema as schema_transform
from gateway.ratelimit import schema as schema_limits
from gateway.routing.openapi import schema as schema_openapi
from gateway.server import schema as schema_server
from gateway.upstream import activation_schema as schema_activate
from gateway.upstream import split_schema as schema_split
from gateway.upstream.balance import schema as schema_balance
from gateway.upstream.discovery import schema as schema_discovery
from gateway.upstream.resilience import schema as schema_traffic
from gateway.validation import schema_options as schema_validate
from gateway.validation.waf import schema as schema_sanitize

_HEADER_NAME = text("a header name (RFC 9110 token)", "A header name; compared without case.", FIELD_NAME)
_ANY_NAME = text("a name", "A name of your own.", r"^[^\x00-\x1f]+$")
_OBJECT_NAME = text("a name of letters, digits, `_`, `-` and `.`", "A name, unique over all files.", NAME)


def upstream() -> Schema:
    """One named service."""
    schemes = "http://, https://, grpc://, grpcs:// or unix:/path."
    url = text("a target such as http://10.0.0.1:8080 or unix:/run/app.sock", schemes, LINE)
    target = section(
        "A target with a weight.",
        {
            "url": url,
            "weight": integer("Its share of requests beside the others.", 1, 65535, 1),
            "zone": text("a zone", "Where it runs, such as eu-west-1a. Shown by the admin API; the choice ignores it."),
            "region": text("a region", "Where it runs, such as eu. Shown by the admin API; the choice ignores it."),
        },
        ("url",),
    )
    timeout = {
        "connect": quantity("positive", "Longest wait for a connection.", "2s"),
        "read": quantity("positive", "Longest gap between two reads of the answer.", "30s"),
        "total": quantity("positive", "Longest time from the first attempt to the end of the answer.", "60s"),
        "idle": quantity("positive", "Longest time without a byte on a WebSocket, instead of read and total.", "10m"),
    }
    pool = {
        "max_connections": integer("Most connections to each target, per worker.", 1, 65535, 256),
        "idle": quantity("duration", "How long an unused connection is kept.", "60s"),
    }
    tls = {
        "ca": file_name("PEM certificates of the authorities to trust instead of the system's."),
        "client_cert": file_name("PEM certificate chain to show to the upstream."),
        "client_key": file_name("PEM private key of `client_cert`."),
        "server_name": text("a host name", "The name to ask for and to verify instead of the target's host.", LINE),
        "insecure": boolean("Do not verify the upstream's certificate.", False),
    }
    return section(
        "A named service.",
        {
            "targets": listing("The addresses that serve it.", either("a target", "A target.", url, target)),
            **schema_discovery.sections(),
            **schema_balance.sections(),
            "timeout": section("Timeouts; connect and read may not exceed total.", timeout),
            "pool": section("Connections that are kept.", pool),
            "tls": section("TLS towards https targets; certificates are verified.", tls),
            **schema_traffic.sections(),
            **schema_activate.sections(),
        },
    )


def header_rules() -> Schema:
    """Changes to headers, on a route or in defaults."""
    value = text("a string", "A value; may use {param}, {query.name}, {header.Name} and {claim.name}.")
    edit = {
        "set": mapping("Headers to set, in place of any there are.", value, _HEADER_NAME),
        "add": mapping("Headers to add beside those there are.", value, _HEADER_NAME),
        "remove": listing("Headers to remove.", _HEADER_NAME),
        "rename": mapping("Headers to rename, and their new names; values stay.", _HEADER_NAME, _HEADER_NAME),
    }
    return section(
        "Header changes; the route's own win over those in `defaults`, name by name.",
        {
            "preset": choice("Headers that browsers are safer with, set on every answer that lacks them.", "security"),
            "request": section("Towards the upstream.", edit),
            "response": section("Towards the client.", edit),
        },
    )


def policies() -> Schema:
    """Plugins' policies, on a route or in defaults."""
    name = text("a policy's name", "The name under which a plugin registered it.", NAME)
    options = {"type": "object", "title": "a mapping", "description": "Passed to the policy as it is."}
    use = section("A policy and its options.", {"name": name, "with": options}, ("name",))
    return listing("Policies of plugins, each a name or {name, with}.", either("a policy", "A policy.", name, use))


def route() -> Schema:
    """One route."""
    pattern = text("a string", "The whole value to match, or * for any.")
    match = {
        "path": text(
            "a path template such as /items/{id:int}",
            "{name} is one segment, {name:int|float|uuid|dt} a typed one, {name:path} the rest.",
            "^/",
        ),
        "methods": listing(
            "Methods; any but CONNECT and TRACE when not written.", text("a method", "A method."), least=1
        ),
        "hosts": listing("Hosts, `*.example.com` for all below.", text("a host name", "A host name."), least=1),
        "headers": mapping("Headers the request must have.", pattern, _HEADER_NAME),
        "query": mapping("Query parameters the request must have.", pattern, _ANY_NAME),
    }
    keys = route_keys()
    schema = section(
        "Which requests, and what is done with them. The most specific route wins, whatever the order here.",
        {
            "name": _OBJECT_NAME,
            "match": section("What a request must be.", match, ("path",)),
            **schema_openapi.sections(keys),
            **keys,
        },
    )
    return {**schema, "if": {"required": ["openapi"]}, "else": {"required": ["name", "match"]}}


def route_keys() -> dict[str, Schema]:
    """The keys of a route that say what is done with requests."""
    respond = {
        "status": integer("The status.", 200, 599),
        "headers": mapping("Headers; values may use variables.", text("a string", "A value."), _HEADER_NAME),
        "body": text("a string", "The body; may use variables."),
    }
    return {
        "upstream": text("an upstream's name", "The upstream that answers."),
        **schema_split.sections(),
        "respond": section("An answer of the gateway's own.", respond, ("status",)),
        "rewrite": text("a path such as /items/{id}", "The path (and query) that the upstream sees.", "^/"),
        "timeout": quantity("positive", "Caps the total timeout of the upstream."),
        "headers": {"$ref": "#/definitions/headers"},
        "policies": {"$ref": "#/definitions/policies"},
        **schema_access.sections(),
        **schema_limits.sections(),
        **schema_validate.sections(),
        **schema_sanitize.sections(),
        **schema_idempotency.sections(),
        **schema_compress.sections(),
        **schema_transform.sections(),
        **schema_cache.sections(),
        **schema_function.sections(),
        **schema_aggregate.sections(),
        **schema_translate.sections(),
        **schema_grpc.sections(),
        **schema_enqueue.sections(),
        "priority": integer("Breaks a tie between equally specific routes; higher wins.", -1_000_000, 1_000_000, 0),
    }


def access_log() -> Schema:
    """The access log."""
    return section(
        "The access log.",
        {
            "format": choice("How a line looks.", "json", "combined", "off", default="json"),
            "to": text("stdout, stderr or a file name", "stdout, stderr or a file.", LINE, "stdout"),
            "sample": quantity("share", "The share of requests that is logged.", "100%"),
        },
    )


def root() -> dict[str, Schema]:
    """The sections of a file, by name."""
    module = text("a Python module", "A module.", r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$")
    return {
        "version": choice("The version of the configuration language.", 1),
        "include": listing(
            "Further files, `*` and `**` allowed; merged into this one.", file_name("A file or a pattern.")
        ),
        "server": schema_server.server(),
        "store": schema_access.store(),
        "upstreams": mapping("The services behind the gateway, by name.", upstream(), _OBJECT_NAME),
        **schema_identity.sections(),
        **schema_access.root_sections(),
        **schema_limits.root_sections(),
        "defaults": section(
            "Merged under every route.",
            {
                "headers": {"$ref": "#/definitions/headers"},
                "policies": {"$ref": "#/definitions/policies"},
                **schema_access.sections(),
                **schema_compress.sections(),
                **schema_sanitize.sections(),
            },
        ),
        "routes": listing("The routes.", route()),
        "observability": section(
            "What is told about requests.",
            {
                "access_log": access_log(),
                "metrics": schema_metrics.metrics(),
                "statsd": schema_statsd.statsd(),
                "dashboard": boolean("Whether the admin listener has a dashboard.", True),
                **schema_tracing.sections(),
            },
        ),
        **schema_alerts.root_sections(),
        **schema_audit.root_sections(),
        "plugins": listing("Python modules that register policies.", module),
    }
