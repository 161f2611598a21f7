"""`validate` of a route."""

from gateway.config.model_validate import JsonSchema, Validate
from gateway.config.reader import Reader
from gateway.config.sections.json_schema import read_schema

JSON_TYPES = ("application/json", "application/*+json")


def read_validate(holder: Reader, parameters: frozenset[str]) -> Validate | None:
    """The section, None where it is not written."""
    if "validate" not in holder:
        return None
    reader = holder.section("validate")
    body = read_schema(reader, "body")
    has_body = "body" in reader
    types = _content_types(reader, has_body)
    params = read_schema(reader, "params")
    if "params" in reader and not parameters:
        reader.complain("the route's path has no parameters", key="params")
    if "limits" in reader and not has_body:
        reader.complain("`limits` has no effect without `body`: nothing is read", key="limits")
    if set(reader) <= {"limits"}:
        reader.complain("nothing is validated", "it needs `content_type`, `body`, `query`, `headers` or `params`")
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
    )


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


def _content_types(reader: Reader, has_body: bool) -> tuple[str, ...]:
    if "content_type" not in reader:
        return JSON_TYPES if has_body else ()
    found: dict[str, None] = {}
    for text in reader.texts("content_type"):
        name = text.value.lower()
        if name in found:
            text.complain(f"{text.shown} is there twice")
        elif has_body and not is_json(name):
            text.complain(f"`body` can only be held against JSON, which {text.shown} is not")
        found[name] = None
    return tuple(found)
