"""`sanitize` of a route and of `defaults`: requests that look like an attack."""

from gateway.config.schema_parts import FIELD_NAME, Schema, choice, either, listing, quantity, section, text

RULES = ("sql_injection", "xss", "traversal", "headers", "null_bytes", "pollution", "xml")
PARTS = ("path", "query", "headers", "cookies", "body")
OFF = "off"

_WHAT = {
    "sql_injection": "SQL where a value should be.",
    "xss": "Markup or script that a browser would run.",
    "traversal": "Steps out of a folder, such as ../../etc.",
    "headers": "Line breaks and control characters in header fields, cookies, and what may end up in them or in logs.",
    "null_bytes": "NUL, which cuts texts short for some readers.",
    "pollution": "Names such as __proto__ that change what objects inherit.",
    "xml": "Documents that define entities or name a DTD.",
}


def sections() -> dict[str, Schema]:
    """The keys of a route and of `defaults` that this module describes."""
    return {"sanitize": {"$ref": "#/definitions/sanitize"}}


def sanitize() -> Schema:
    """What is done with requests that look like an attack."""
    name = text("a name", "The name of a parameter.", r"^[^\x00-\x1f]+$")
    field = text("a header name (RFC 9110 token)", "A header name; compared without case.", FIELD_NAME)
    place = text("a JSON pointer such as /items/*/note, or the name of a form's field", "A place in a body.", "^.+$")
    excepted = {
        "query": listing("Parameters.", name, least=1),
        "headers": listing("Header fields.", field, least=1),
        "cookies": listing("Cookies.", name, least=1),
        "body": listing("JSON pointers, where * stands for any one step, and fields of forms.", place, least=1),
    }
    keys = {
        **{rule: choice(_WHAT[rule], "block", "log", OFF, default="block") for rule in RULES},
        "in": listing("The parts that are looked at; all when not written.", choice("A part.", *PARTS), least=1),
        "except": section("Fields that are not looked at, by part.", excepted),
        "max_body": quantity("size", "The largest body that is looked at; a larger one gets 413.", "1MB"),
    }
    words = (
        "What looks like an attack is refused. A route's keys win over those in `defaults`; `off` does away with all."
    )
    return either("`off` or a mapping", words, text("`off`", "No screening.", "^off$"), section(words, keys))


def definitions() -> dict[str, Schema]:
    """What routes and `defaults` refer to."""
    return {"sanitize": sanitize()}
