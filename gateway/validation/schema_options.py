"""`validate` of a route: what a request must be."""

from gateway.config.schema_parts import (
    MEDIA_TYPE,
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

_FIELD_NAME = text("a field's name", "The name of a field.", r'^[^\x00-\x1f\x7f"]+$')


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    media_type = text("a media type such as application/json, image/* or application/*+json", "A type.", MEDIA_TYPE)
    charset = text("the name of a charset such as utf-8", "A charset.", r"^[A-Za-z0-9!#\$%&+^_`{}~.:-]+$")
    limits = {
        "depth": integer("How deep arrays and objects may lie in each other.", 1, 200, 32),
        "members": integer("Most values, and most members of objects, in one body.", 1, 10_000_000, 10_000),
        "ratio": integer("How many times its size a compressed body may become.", 1, 10_000, 100),
    }
    keys = {
        "content_type": listing("Types that a body may have; with `body` JSON when not written.", media_type, least=1),
        "charset": listing("Charsets that a body may name; UTF-8 alone for JSON.", charset, least=1),
        "produces": listing("Types that the route answers with: who takes none of them gets 406.", media_type, least=1),
        "multipart": _multipart(media_type),
        "body": _schema("What a body of JSON must be; with `content_type` there may be others."),
        "body_required": boolean("With `body`: whether there must be one.", True),
        "query": _schema("What the query must be: an object of its names and values."),
        "headers": _schema("What the header fields must be: an object, names in lower case or as written here."),
        "params": _schema("What the parameters of the path must be: an object of their names and values."),
        "max_body": quantity("size", "The largest body; with `body` 1MB when not written."),
        "limits": section("Bounds of the body that is read, before and while it is parsed.", limits),
    }
    return {"validate": section("What a request must be.", keys)}


def _multipart(media_type: Schema) -> Schema:
    field = {
        "content_type": listing("Types that it may have; text/plain where a part says none.", media_type, least=1),
        "required": boolean("Whether it must be there.", False),
        "max_size": quantity("size", "Its largest size, in place of `part_size`."),
        "count": integer("How often it may be there.", 1, 10_000, 1),
    }
    keys = {
        "parts": integer("Most parts of a form.", 1, 10_000, 20),
        "part_size": quantity("size", "The largest part.", "5MB"),
        "headers": integer("Most header fields of a part.", 1, 100, 8),
        "others": choice("Whether there may be other fields than `fields`.", "allow", "refuse", default="allow"),
        "fields": mapping("What the fields of these names must be.", section("One field.", field), _FIELD_NAME),
    }
    return section("What a form with files (multipart/form-data) must be.", keys)


def _schema(description: str) -> Schema:
    inline = {"type": "object", "title": "a JSON Schema", "description": "The schema itself."}
    file = file_name("A JSON Schema (draft-07 or 2020-12) as a JSON file.")
    return either("the name of a JSON Schema file, or a JSON Schema", description, file, inline)
