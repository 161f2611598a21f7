"""`routes` and `defaults`: which requests, and what is done with them."""

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gateway.config import units as values
from gateway.config import unsupported as not_built
from gateway.config.header_edits import merge, read_header_pairs, read_headers
from gateway.config.model import Defaults, Route, RouteTimeout
from gateway.config.plugin_policies import PluginPolicy
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import Pair, Reading, RouteContext
from gateway.config.variables import IN_DEFAULTS, Known, check_template
from gateway.features import load, members
from gateway.handlers.grpc.passthrough_section import read_passing
from gateway.handlers.respond_model import Respond
from gateway.http import template_parser as template
from gateway.http.frozen import FrozenDict, freeze
from gateway.policies.rewrite.model import Rewrite
from gateway.routing.match_section import read_match
from gateway.routing.openapi.routes import each_of
from gateway.upstream.options import Upstream
from gateway.upstream.split_options import named, named_upstreams, read_mirror, read_split

_FIELDS = frozenset(Route.__struct_fields__)
#: fields of `defaults` that features read
_IN_DEFAULTS = ("access", "cors", "ip", "compress", "sanitize")
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


def read(reading: Reading) -> dict[str, Defaults]:
    """`defaults` and `routes` of a configuration; `reading.pairs` gets the routes."""
    defaults = _defaults(reading.section("defaults"))
    pairs = [pair for reader in reading.readers for pair in _routes(reader, defaults)]
    first: dict[str, str] = {}
    for section, route in pairs:
        name = section.one("name")
        if name is not None and name.value in first:
            name.complain(f"the route {name.shown} is written twice, first at {first[name.value]}")
        first.setdefault(route.name, route.where)
    if reading.readers and not pairs:
        reading.readers[0].warn("there are no routes: every request gets 404")
    server = reading.section("server")
    tls = reading.found["server"].tls
    has_http2 = server.is_wrong("tls", "http2") or bool(tls and tls.http2)
    sound = reading.sound["upstreams"]
    reading.pairs = [(section, read_passing(section, route, sound, has_http2=has_http2)) for section, route in pairs]
    is_open = any(
        "openapi" in section and section.load.complaints
        for reader in reading.readers
        for section in reader.sections("routes")
    )
    reading.name_list("routes", (route.name for _, route in pairs), is_open=is_open)
    return {"defaults": defaults}


def check(reading: Reading) -> None:
    """Complain about upstreams that routes name and that are not there, or that they cannot use."""
    for holder in reading.holders():
        for text in named(holder):
            reading.names("upstreams").check(text, "there is no upstream {}")
    for section, route in reading.pairs:
        _check_upstreams(section, route, reading.sound["upstreams"])


def _check_upstreams(section: OptionReader, route: Route, sound: Mapping[str, Upstream]) -> None:
    for text in named_upstreams(section):
        upstream = sound.get(text.value)
        if upstream is not None and upstream.is_grpc is not ("grpc" in text.path):
            _check_kind(text, upstream)
    upstream = sound.get(route.upstream or "")
    if upstream is not None and route.timeout is not None and route.timeout.total > upstream.timeout.total:
        section.warn(f"`timeout` has no effect: the upstream {upstream.name} ends at {upstream.timeout.total:g}s")


def _check_kind(text: ScalarNode, upstream: Upstream) -> None:
    if upstream.is_grpc:
        text.complain(f"the upstream {text.shown} speaks gRPC", "call it by `grpc`")
    elif upstream.targets or upstream.discovery:
        text.complain(f"the upstream {text.shown} does not speak gRPC", "its targets begin with grpc:// or grpcs://")


def _defaults(reader: OptionReader) -> Defaults:
    """`defaults`, to be merged under every route."""
    headers = read_headers(reader.section("headers"), IN_DEFAULTS) if "headers" in reader else None
    found = _features(reader, RouteContext(), _IN_DEFAULTS)
    return Defaults(headers=headers, policies=_policies(reader), **found)


def _routes(reader: OptionReader, defaults: Defaults) -> Iterator[Pair]:
    """Each route with its reader, those of OpenAPI documents one by one; `reader` stands on the file."""
    own = {name: getattr(defaults, name) for name in _IN_DEFAULTS}
    for written in reader.sections("routes"):
        for section in each_of(written, has_auth=defaults.access is not None):
            yield section, _route(section, defaults, own)


def _route(reader: OptionReader, defaults: Defaults, own: Mapping[str, Any]) -> Route:
    match, parameters = read_match(reader.section("match"))
    context = RouteContext(match, parameters, own)
    found = _features(reader, context)
    known = context.known
    edits = read_headers(reader.section("headers"), known) if "headers" in reader else None
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
        headers=merge(defaults.headers, edits),
        policies=_merge_policies(defaults.policies, _policies(reader)),
        priority=reader.integer("priority") if "priority" in reader else 0,
        where=reader.where,
        more=tuple(found[name] for name in found.keys() - _FIELDS if found[name] is not None),
        **{name: found[name] for name in found.keys() & _FIELDS},
    )


def _features(reader: OptionReader, context: RouteContext, names: Collection[str] = ()) -> dict[str, Any]:
    """The fields that features read of a route, by name: all, or those of `names`."""
    for name, reference in members("route").items():
        if not names or name in names:
            context.found[name] = load(reference)(reader, context)
    return context.found


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
