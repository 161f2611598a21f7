"""Options of `validate` of a route: what a request must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.config import schema_parts as schemas
from gateway.config.options import Options
from gateway.config.schema_parts import MEDIA_TYPE, Schema
from gateway.validation.schema_files import JsonSchema, read_schema

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import Reading, RouteContext


class FormField(Options, frozen=True):
    """What the parts of one name in a form must be; `max_size` in bytes, None = as any part."""

    name: str
    content_types: tuple[str, ...]
    is_required: bool
    max_size: int | None
    count: int


class Multipart(Options, frozen=True):
    """What a form with files must be; `is_closed`: no other fields than `fields`."""

    parts: int
    part_size: int
    headers: int
    is_closed: bool
    fields: tuple[FormField, ...]


class Validate(Options, frozen=True):
    """What a request must be. `content_types` are lower-case media types or ranges, () = any; None = not looked at.

    `charsets` and `produces` are in lower case, () = any.
    `max_body` is in bytes, None = not written; `depth`, `members` and `ratio` bound the body that is read.
    """

    content_types: tuple[str, ...]
    body: JsonSchema | None
    query: JsonSchema | None
    headers: JsonSchema | None
    params: JsonSchema | None
    max_body: int | None
    depth: int
    members: int
    ratio: int
    where: str
    charsets: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()
    multipart: Multipart | None = None
    body_required: bool = True


_FIELD_NAME = schemas.text("a field's name", "The name of a field.", r'^[^\x00-\x1f\x7f"]+$')


def route_keys() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    media_type = schemas.text(
        "a media type such as application/json, image/* or application/*+json", "A type.", MEDIA_TYPE
    )
    charset = schemas.text("the name of a charset such as utf-8", "A charset.", r"^[A-Za-z0-9!#\$%&+^_`{}~.:-]+$")
    limits = {
        "depth": schemas.integer("How deep arrays and objects may lie in each other.", 1, 200, 32),
        "members": schemas.integer("Most values, and most members of objects, in one body.", 1, 10_000_000, 10_000),
        "ratio": schemas.integer("How many times its size a compressed body may become.", 1, 10_000, 100),
    }
    keys = {
        "content_type": schemas.listing(
            "Types that a body may have; with `body` JSON when not written.", media_type, least=1
        ),
        "charset": schemas.listing("Charsets that a body may name; UTF-8 alone for JSON.", charset, least=1),
        "produces": schemas.listing(
            "Types that the route answers with: who takes none of them gets 406.", media_type, least=1
        ),
        "multipart": _multipart(media_type),
        "body": _schema("What a body of JSON must be; with `content_type` there may be others."),
        "body_required": schemas.boolean("With `body`: whether there must be one.", True),
        "query": _schema("What the query must be: an object of its names and values."),
        "headers": _schema("What the header fields must be: an object, names in lower case or as written here."),
        "params": _schema("What the parameters of the path must be: an object of their names and values."),
        "max_body": schemas.quantity("size", "The largest body; with `body` 1MB when not written."),
        "limits": schemas.section("Bounds of the body that is read, before and while it is parsed.", limits),
    }
    return {"validate": schemas.section("What a request must be.", keys)}


def _multipart(media_type: Schema) -> Schema:
    field = {
        "content_type": schemas.listing(
            "Types that it may have; text/plain where a part says none.", media_type, least=1
        ),
        "required": schemas.boolean("Whether it must be there.", False),
        "max_size": schemas.quantity("size", "Its largest size, in place of `part_size`."),
        "count": schemas.integer("How often it may be there.", 1, 10_000, 1),
    }
    keys = {
        "parts": schemas.integer("Most parts of a form.", 1, 10_000, 20),
        "part_size": schemas.quantity("size", "The largest part.", "5MB"),
        "headers": schemas.integer("Most header fields of a part.", 1, 100, 8),
        "others": schemas.choice(
            "Whether there may be other fields than `fields`.", "allow", "refuse", default="allow"
        ),
        "fields": schemas.mapping(
            "What the fields of these names must be.", schemas.section("One field.", field), _FIELD_NAME
        ),
    }
    return schemas.section("What a form with files (multipart/form-data) must be.", keys)


def _schema(description: str) -> Schema:
    inline = {"type": "object", "title": "a JSON Schema", "description": "The schema itself."}
    file = schemas.file_name("A JSON Schema (draft-07 or 2020-12) as a JSON file.")
    return schemas.either("the name of a JSON Schema file, or a JSON Schema", description, file, inline)


JSON_TYPES = ("application/json", "application/*+json")


def read_validate(holder: OptionReader, context: RouteContext) -> Validate | None:
    """The section, None where it is not written."""
    if "validate" not in holder:
        return None
    reader = holder.section("validate")
    body = read_schema(reader, "body")
    has_body = "body" in reader
    types = _content_types(reader, has_body)
    params = read_schema(reader, "params")
    if "params" in reader and not context.parameters:
        reader.complain("the route's path has no parameters", key="params")
    if "limits" in reader and not has_body:
        reader.complain("`limits` has no effect without `body`: nothing is read", key="limits")
    if "body_required" in reader and not has_body:
        reader.complain("`body_required` has no effect without `body`", key="body_required")
    if set(reader) <= {"limits", "body_required"}:
        hint = "it needs `content_type`, `charset`, `produces`, `multipart`, `body`, `query`, `headers` or `params`"
        reader.complain("nothing is validated", hint)
    limits = reader.section("limits")
    return Validate(
        content_types=types,
        body=body,
        query=read_schema(reader, "query"),
        headers=read_schema(reader, "headers"),
        params=params,
        max_body=reader.size("max_body") if reader.text("max_body") else None,
        depth=limits.integer("depth"),
        members=limits.integer("members"),
        ratio=limits.integer("ratio"),
        where=reader.where,
        charsets=_charsets(reader, has_body),
        produces=tuple(dict.fromkeys(text.value.lower() for text in reader.texts("produces"))),
        multipart=read_multipart(reader, types),
        body_required=reader.raw("body_required") is not False,
    )


def check_size(holder: OptionReader, validate: Validate | None, most: int) -> None:
    """Complain about a body that may be larger than `most`, the bytes that the server takes."""
    text = holder.section("validate").one("max_body") if validate is not None else None
    if text is not None and validate is not None and (validate.max_body or 0) > most:
        text.complain(f"no body has more than the {most} bytes of `server.limits.body`")


def schemas_of(validate: Validate) -> tuple[tuple[str, JsonSchema], ...]:
    """(the part of the request, its schema) of all that there are."""
    named = (
        *(("params", validate.params), ("query", validate.query)),
        *(("headers", validate.headers), ("body", validate.body)),
    )
    return tuple((name, schema) for name, schema in named if schema is not None)


def is_json(media_type: str) -> bool:
    """Whether a media type, or a range, has only JSON in it (RFC 6839 section 3.1)."""
    return media_type in JSON_TYPES or (media_type.startswith("application/") and media_type.endswith("+json"))


def _content_types(reader: OptionReader, has_body: bool) -> tuple[str, ...]:
    if "content_type" not in reader:
        return JSON_TYPES if has_body else (FORM,) if "multipart" in reader else ()
    found: dict[str, None] = {}
    for text in reader.texts("content_type"):
        name = text.value.lower()
        if name in found:
            text.complain(f"{text.shown} is there twice")
        found[name] = None
    if has_body and not any(map(is_json, found)):
        reader.complain("`body` can only be held against JSON, which none of these is", key="content_type")
    return tuple(found)


def _charsets(reader: OptionReader, has_body: bool) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in reader.texts("charset"):
        name = text.value.lower()
        name = "utf-8" if name == "utf8" else name
        if has_body and name != "utf-8":
            text.complain(f"JSON, which `body` takes, is in UTF-8 only, not in {text.shown}")
        found[name] = None
    return tuple(found)


def check(reading: Reading) -> None:
    """Complain about bodies that the server does not take."""
    if reading.section("server").is_wrong("limits", "body"):
        return
    for section, route in reading.pairs:
        check_size(section, route.validate, reading.found["server"].limits.body)


FORM: Final = "multipart/form-data"
#: the ranges that have forms with files in them
_HAVE_FORMS: Final = frozenset((FORM, "multipart/*"))


def read_multipart(holder: OptionReader, types: tuple[str, ...]) -> Multipart | None:
    """The section, None where it is not written; `types` are those that the route takes."""
    if "multipart" not in holder:
        return None
    if "body" in holder:
        holder.complain("a route takes either JSON (`body`) or forms (`multipart`)", key="multipart")
    elif not _HAVE_FORMS & set(types):
        holder.complain(f"no body is a form: `content_type` does not have {FORM}", key="multipart")
    reader = holder.section("multipart")
    fields = reader.section("fields")
    return Multipart(
        parts=reader.integer("parts"),
        part_size=reader.size("part_size"),
        headers=reader.integer("headers"),
        is_closed=reader.text("others") == "refuse",
        fields=tuple(_field(name, fields.section(name)) for name in fields),
    )


def _field(name: str, reader: OptionReader) -> FormField:
    types = (text.value.lower() for text in reader.texts("content_type"))
    return FormField(
        name=name,
        content_types=tuple(dict.fromkeys(types)),
        is_required=reader.flag("required"),
        max_size=reader.size("max_size") if reader.text("max_size") else None,
        count=reader.integer("count"),
    )
