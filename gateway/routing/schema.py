"""Schemas of `routes` and `defaults`, with the keys of all features."""

from gateway.config.schema import gathered
from gateway.config.schema_parts import (
    FIELD_NAME,
    NAME,
    OBJECT_NAME,
    Schema,
    choice,
    either,
    integer,
    listing,
    mapping,
    quantity,
    section,
    text,
)
from gateway.features import DEFAULTS
from gateway.routing.openapi import schema as schema_openapi
from gateway.upstream.split_options import route_keys as split_keys

_HEADER_NAME = text("a header name (RFC 9110 token)", "A header name; compared without case.", FIELD_NAME)
_ANY_NAME = text("a name", "A name of your own.", r"^[^\x00-\x1f]+$")


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


def sections() -> dict[str, Schema]:
    """The sections of a file that this module describes."""
    keys = _route_keys()
    defaults = {name: keys[name] for name in DEFAULTS}
    return {
        "defaults": section("Merged under every route.", defaults),
        "routes": listing("The routes.", _route(keys)),
    }


def definitions() -> dict[str, Schema]:
    """What routes and `defaults` refer to."""
    return {"headers": header_rules(), "policies": policies()}


def _route(keys: dict[str, Schema]) -> Schema:
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
    schema = section(
        "Which requests, and what is done with them. The most specific route wins, whatever the order here.",
        {
            "name": OBJECT_NAME,
            "match": section("What a request must be.", match, ("path",)),
            **schema_openapi.sections(keys),
            **keys,
        },
    )
    return {**schema, "if": {"required": ["openapi"]}, "else": {"required": ["name", "match"]}}


def _route_keys() -> dict[str, Schema]:
    """The keys of a route that say what is done with requests: those of routing itself, and of all features."""
    features = gathered("route_keys")
    respond = {
        "status": integer("The status.", 200, 599),
        "headers": mapping("Headers; values may use variables.", text("a string", "A value."), _HEADER_NAME),
        "body": text("a string", "The body; may use variables."),
    }
    return {
        "upstream": text("an upstream's name", "The upstream that answers."),
        **split_keys(),
        "respond": section("An answer of the gateway's own.", respond, ("status",)),
        "rewrite": text("a path such as /items/{id}", "The path (and query) that the upstream sees.", "^/"),
        "timeout": quantity("positive", "Caps the total timeout of the upstream."),
        "headers": {"$ref": "#/definitions/headers"},
        "policies": {"$ref": "#/definitions/policies"},
        **features,
        "priority": integer("Breaks a tie between equally specific routes; higher wins.", -1_000_000, 1_000_000, 0),
    }
