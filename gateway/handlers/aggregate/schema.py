"""`aggregate` of a route: one answer made of several."""

from gateway.config.schema_parts import (
    FIELD_NAME,
    Schema,
    boolean,
    choice,
    either,
    integer,
    listing,
    mapping,
    quantity,
    section,
    text,
)
from gateway.upstream.resilience.options import own_retry

PARTS_MAX = 32
_PART = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
FAIL = "fail"


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    name = text("a name of letters, digits, `_` and `-`", "The name of a part.", _PART)
    header = text("a header name (RFC 9110 token)", "A header name; compared without case.", FIELD_NAME)
    keys = {
        "parts": mapping("The requests, by name.", _part(name), name),
        "response": _json("What the answer is: texts are JMESPath over the parts; all of them when not written."),
        "partial": either(
            "a status from 200 to 299, or `fail`",
            "The status where parts failed.",
            {"enum": [FAIL]},
            integer("The status.", 200, 299),
            default=200,
        ),
        "meta": boolean("Whether the answer has a member `meta` that says which parts failed.", False),
        "take": mapping("Headers of the answer, and from which part they are.", name, header),
        "forward": listing("The client's headers that go along; all when not written.", header),
    }
    return {"aggregate": section("One answer made of several.", keys, ("parts",))}


def _part(name: Schema) -> Schema:
    keys = {
        "upstream": text("an upstream's name", "The upstream that is asked."),
        "method": choice("The method.", "GET", "POST", "PUT", "PATCH", "DELETE", default="GET"),
        "path": text("a path such as /items/{id}", "May use {param}, {query.name}, {header.Name}, {part.field}.", "^/"),
        "body": _json("Sent as JSON; its texts may use variables."),
        "needs": listing("Parts that must be there first; those that `path` and `body` use are.", name),
        "timeout": quantity("positive", "Longest time; the upstream's when not written."),
        "retry": own_retry(),
        "default": _json("What stands in its place when it fails."),
        "required": boolean("Whether the whole fails with it.", False),
        "accept": listing("Statuses besides 2xx that are no failure.", integer("A status.", 300, 599)),
        "select": text("a JMESPath expression", "What is taken out of the answer."),
    }
    return section("A request to an upstream.", keys, ("upstream", "path"))


def _json(description: str) -> Schema:
    return {"title": "a JSON value", "description": description}
