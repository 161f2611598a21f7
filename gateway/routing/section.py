"""`routes` and `defaults`: which requests, and what is done with them."""

import re
import sys
from collections.abc import Iterator

from gateway.auth.access_section import read_access
from gateway.cache.section import read_cache
from gateway.config import units as values
from gateway.config import unsupported as not_built
from gateway.config.header_edits import merge, read_header_pairs, read_headers
from gateway.config.networks import read_ip
from gateway.config.plugin_policies import PluginPolicy
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.variables import IN_DEFAULTS, Known, check_template
from gateway.handlers.aggregate.section import read_aggregate
from gateway.handlers.function.section import read_function
from gateway.handlers.graphql.section import read_graphql
from gateway.handlers.grpc.section import read_grpc
from gateway.handlers.jsonrpc.section import read_jsonrpc
from gateway.handlers.queue.section import read_enqueue
from gateway.http import template_parser as template
from gateway.http.frozen import FrozenDict, freeze
from gateway.policies.compress.section import read_compress
from gateway.policies.cors.section import read_cors_name
from gateway.policies.idempotency.section import read_idempotency
from gateway.policies.transform.section import read_transform
from gateway.ratelimit.section import read_route_limits
from gateway.routing.match_section import read_match
from gateway.routing.model import (
    Defaults,
    Respond,
    Rewrite,
    Route,
    RouteTimeout,
)
from gateway.routing.openapi.routes import each_of
from gateway.upstream.split_section import read_mirror, read_split
from gateway.validation.section import read_validate
from gateway.validation.waf.section import read_sanitize

_TARGET = re.compile(r"/[\x21-\x22\x24-\x7e]*")
_WITHOUT_BODY = (204, 205, 304)
_WITHOUT_EFFECT = {
    "respond": ("rewrite", "timeout", "mirror"),
    "function": ("mirror",),
    "wsgi": ("mirror",),
    "aggregate": ("rewrite", "mirror"),
    "jsonrpc": ("rewrite", "mirror"),
    "graphql": ("rewrite", "mirror"),
    "enqueue": ("rewrite", "mirror", "timeout"),
    "grpc": ("rewrite", "mirror"),
}
_ACTIONS = (
    *("upstream", "split", "respond", "function", "wsgi", "aggregate", "jsonrpc", "graphql", "enqueue", "grpc"),
)


def read_defaults(reader: OptionReader) -> Defaults:
    """`defaults`, to be merged under every route."""
    headers = read_headers(reader.section("headers"), IN_DEFAULTS) if "headers" in reader else None
    return Defaults(
        headers=headers,
        policies=_policies(reader),
        access=read_access(reader, None, None),
        cors=read_cors_name(reader, None),
        ip=read_ip(reader, None),
        compress=read_compress(reader, None),
        sanitize=read_sanitize(reader, None),
    )


def read_routes(reader: OptionReader, defaults: Defaults) -> Iterator[tuple[OptionReader, Route]]:
    """Each route with its reader, those of OpenAPI documents one by one; `reader` stands on the file."""
    for written in reader.sections("routes"):
        for section in each_of(written, has_auth=defaults.access is not None):
            yield section, _route(section, defaults)


def _route(reader: OptionReader, defaults: Defaults) -> Route:
    match, parameters = read_match(reader.section("match"))
    access = read_access(reader, parameters, defaults.access)
    known = Known(parameters, has_caller=access is not None)
    own = read_headers(reader.section("headers"), known) if "headers" in reader else None
    _check_action(reader)
    return Route(
        name=reader.text("name"),
        match=match,
        upstream=sys.intern(reader.text("upstream")) or None,  # thousands share one: it travels once
        split=read_split(reader, known),
        mirror=read_mirror(reader),
        respond=_respond(reader.section("respond"), known) if "respond" in reader else None,
        rewrite=_rewrite(reader.one("rewrite"), known),
        timeout=_timeout(reader),
        headers=merge(defaults.headers, own),
        policies=_merge_policies(defaults.policies, _policies(reader)),
        access=access,
        cors=read_cors_name(reader, defaults.cors),
        ip=read_ip(reader, defaults.ip),
        priority=reader.integer("priority") if "priority" in reader else 0,
        where=reader.where,
        validate=read_validate(reader, parameters),
        sanitize=read_sanitize(reader, defaults.sanitize),
        idempotency=read_idempotency(reader, match.methods),
        rate_limit=read_route_limits(reader, parameters, has_auth=access is not None),
        compress=read_compress(reader, defaults.compress),
        cache=read_cache(reader, known, match.methods),
        function=read_function(reader, match.path),
        aggregate=read_aggregate(reader, known),
        jsonrpc=read_jsonrpc(reader, known, match.path),
        graphql=read_graphql(reader, known, match.path),
        enqueue=read_enqueue(reader),
        grpc=read_grpc(reader, match),
        transform=read_transform(reader, known, match.path),
    )


def _check_action(reader: OptionReader) -> None:
    if any(action in reader for action in not_built.ACTIONS):
        return
    written = [action for action in _ACTIONS if action in reader]
    if len(written) > 1:
        reader.complain(f"a route has either `{written[0]}` or `{written[1]}`, not both", key=written[1])
    elif not written and not any(map(reader.is_wrong, (*_ACTIONS, *not_built.ACTIONS))):
        reader.complain("the route does nothing", "it needs `upstream`, `split`, `respond` or another action")
    for key in _WITHOUT_EFFECT.get(written[0], ()) if len(written) == 1 else ():
        if key in reader:
            reader.complain(f"`{key}` has no effect beside `{written[0]}`", key=key)


def _rewrite(text: ScalarNode | None, known: Known) -> Rewrite | None:
    if text is None:
        return None
    check_template(text, known)
    literal = "".join(piece for piece in template.parse(text.value) if isinstance(piece, str))
    if "{" in literal or "}" in literal:
        text.complain(
            "a brace that is no variable", "variables are {param}, {query.name}, {header.Name} and {claim.name}"
        )
    elif text.value.startswith("/") and not _TARGET.fullmatch("/" + literal):
        text.complain("a rewrite may hold only visible ASCII, and no #", "encode the rest as %XX")
    return Rewrite(text.value, text.where)


def _timeout(reader: OptionReader) -> RouteTimeout | None:
    text = reader.one("timeout")
    if text is None:
        return None
    try:
        return RouteTimeout(values.parse_duration(text.value), text.where)
    except ValueError:  # the schema has complained
        return None


def _respond(reader: OptionReader, known: Known) -> Respond:
    status = reader.integer("status")
    body = reader.one("body")
    if body is not None:
        check_template(body, known)
        if body.value and status in _WITHOUT_BODY:
            body.complain(f"an answer with status {status} has no body (RFC 9110 section 6.4.1)")
    headers = read_header_pairs(reader, "headers", known)
    return Respond(status, headers, reader.text("body"), reader.where)


def _policies(reader: OptionReader) -> tuple[PluginPolicy, ...]:
    if "policies" not in reader:
        return ()
    found: dict[str, PluginPolicy] = {}
    for entry in reader.entries("policies"):
        text = entry if isinstance(entry, ScalarNode) else entry.one("name")
        if text is None:
            continue
        if text.value in found:
            text.complain(f"the policy {text.shown} is there twice")
        text.leads_to("policy")
        options = entry.raw("with") if isinstance(entry, OptionReader) else None
        use = PluginPolicy(text.value, freeze(options) if isinstance(options, dict) else FrozenDict(), text.where)
        found[text.value] = use
        if not isinstance(entry, OptionReader) or entry.is_sound("with"):
            written = entry.key("with") if isinstance(entry, OptionReader) and "with" in entry else text
            reader.load.policies.append((written, use))
    return tuple(found.values())


def _merge_policies(defaults: tuple[PluginPolicy, ...], own: tuple[PluginPolicy, ...]) -> tuple[PluginPolicy, ...]:
    """The defaults' in their order, then the route's; a route's policy takes the place of the defaults' one."""
    if not defaults:
        return own
    by_name = {use.name: use for use in defaults} | {use.name: use for use in own}
    return tuple(by_name.values())
