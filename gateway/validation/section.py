"""`validate` of a route."""

from gateway.config.reader import OptionReader
from gateway.config.reading import Reading, RouteContext
from gateway.validation.model import JsonSchema, Validate
from gateway.validation.multipart_section import FORM, read_multipart
from gateway.validation.schema_files import read_schema

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
