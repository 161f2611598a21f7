"""`validate` of a route: what a request must be."""

from gateway.config.schema_parts import Schema, either, file_name, integer, listing, quantity, section, text

MEDIA_TYPE = r"^[A-Za-z0-9!#\$&^_.+-]+/(\*|\*\+[A-Za-z0-9.-]+|[A-Za-z0-9!#\$&^_.+-]+)$"


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    media_type = text("a media type such as application/json, image/* or application/*+json", "A type.", MEDIA_TYPE)
    limits = {
        "depth": integer("How deep arrays and objects may lie in each other.", 1, 200, 32),
        "members": integer("Most values, and most members of objects, in one body.", 1, 10_000_000, 10_000),
        "ratio": integer("How many times its size a compressed body may become.", 1, 10_000, 100),
    }
    keys = {
        "content_type": listing("Types that a body may have; with `body` JSON when not written.", media_type, least=1),
        "body": _schema("What the body must be, which is then JSON."),
        "query": _schema("What the query must be: an object of its names and values."),
        "headers": _schema("What the header fields must be: an object, names in lower case or as written here."),
        "params": _schema("What the parameters of the path must be: an object of their names and values."),
        "max_body": quantity("size", "The largest body; with `body` 1MB when not written."),
        "limits": section("Bounds of the body that is read, before and while it is parsed.", limits),
    }
    return {"validate": section("What a request must be.", keys)}


def _schema(description: str) -> Schema:
    inline = {"type": "object", "title": "a JSON Schema", "description": "The schema itself."}
    file = file_name("A JSON Schema (draft-07) as a JSON file.")
    return either("the name of a JSON Schema file, or a JSON Schema", description, file, inline)
