"""Parameters of an operation as schemas of the path, the query and the header fields (OpenAPI 3, Parameter Object).

`x-style` beside a schema says how an array or an object is written: docs/openapi.md lists its words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.config.nodes import MappingNode
from gateway.routing.openapi.document import Documents, Node
from gateway.routing.openapi.schemas import Bundle, as_object
from gateway.routing.openapi.shapes import is_said, shape_of

Schema = dict[str, Any]

#: fields that other parts of a document speak of
_IGNORED_HEADERS: Final = frozenset(("accept", "authorization", "content-type"))
_DEFAULT_STYLE: Final = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
_DELIMITED: Final = {"form": "comma", "spaceDelimited": "space", "pipeDelimited": "pipe"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: where it stands in the request, and its schema, or the JSON that it holds."""

    node: Node
    name: str
    place: str
    required: bool
    schema: Node | None
    is_json: bool

    @property
    def key(self) -> tuple[str, str]:
        """What it is told apart by."""
        return self.place, self.name.lower() if self.place == "header" else self.name


@dataclass(slots=True)
class Objects:
    """The schemas of the parts of a request, {} where there are none; `first` is the first parameter in each."""

    made: dict[str, Schema] = field(default_factory=dict)
    first: dict[str, Node] = field(default_factory=dict)


def parameters(documents: Documents, holder: Node) -> Iterator[Parameter]:
    """The parameters that a path or an operation lists; complains of what is none."""
    seen: set[tuple[str, str]] = set()
    for entry in documents.listing(holder, "parameters"):
        node = documents.follow(entry)
        if node is None or not documents.is_a(node, MappingNode, "a parameter"):
            continue
        name, place = node.text("name"), node.text("in")
        if not name:
            documents.complain(node, "the parameter has no `name`")
        elif place not in _DEFAULT_STYLE:
            documents.complain(node, f"the parameter {name} needs `in`: query, header, path or cookie")
        else:
            found = _parameter(documents, node, name, place)
            if found.key in seen:
                documents.complain(entry, f"the parameter {name} in the {place} is there twice")
            seen.add(found.key)
            yield found


def _parameter(documents: Documents, node: Node, name: str, place: str) -> Parameter:
    content = documents.mapping(node, "content")
    schema, is_json = node.member("schema"), False
    if content is not None:
        (kind, media), *_ = [*content.members(), ("", content)]
        is_json = kind.partition(";")[0].strip().lower() == "application/json"
        schema = media.member("schema") if is_json else None
    elif schema is None:
        documents.complain(node, f"the parameter {name} has neither `schema` nor `content`")
    required = place == "path" or node.value.get("required") is True
    return Parameter(node, name, place, required, schema, is_json)


class Parameters:
    """Makes the schemas of one document's operations."""

    def __init__(self, documents: Documents, bundle: Bundle) -> None:
        self._documents = documents
        self._bundle = bundle

    def objects(self, found: Sequence[Parameter], names: dict[str, str], strict: Sequence[str] | None) -> Objects:
        """The schemas of all parts; `names` are what the route calls the path's parameters.

        `strict` are names that the query may have beside the parameters, and no others; None = any.
        """
        objects = Objects()
        for place, part in (("path", "params"), ("query", "query"), ("header", "headers"), ("cookie", "cookies")):
            those = [one for one in found if one.place == place]
            if place == "header":
                those = [one for one in those if one.name.lower() not in _IGNORED_HEADERS]
            closed = strict if place == "query" else None
            schema = self._object(those, names if place == "path" else {}, closed)
            if schema:
                objects.made[part] = schema
                objects.first |= {part: those[0].node} if those else {}
        _put_cookies(objects)
        return objects

    def _object(self, those: list[Parameter], names: dict[str, str], strict: Sequence[str] | None) -> Schema:
        refers: list[Node] = []
        properties: dict[str, Any] = {}
        for one in those:
            schema = self._member(one, refers)
            if one.place != "path" or schema not in ({"type": "string"}, {}):
                properties[names.get(one.name, one.name)] = schema
        required = [one.name for one in those if one.required and one.place != "path"]
        if strict is not None:
            properties |= {name: {} for name in strict if name not in properties}
        if not properties and strict is None:
            return {}
        made: Schema = {"type": "object", "properties": properties}
        if required:
            made["required"] = required
        if strict is not None:
            made["additionalProperties"] = False
        return self._bundle.closed(made, refers)

    def _member(self, one: Parameter, refers: list[Node]) -> Schema:
        if one.schema is None:
            return {}
        if one.is_json:
            return {"x-style": "json", **self._schema(one.schema, refers)}
        shape = shape_of(self._documents, one.schema)
        types = shape.get("type", "string")
        style = self._style(one, types)
        if style is None:
            return {}
        schema = self._schema(one.schema, refers)
        if not is_said(shape, schema) and shape:
            schema = {**shape, "allOf": [schema]}
        if one.place == "query" and one.node.value.get("allowEmptyValue") is True:
            schema = {**shape, "type": _with_string(types), "anyOf": [{"enum": ["", [""]]}, schema]}
        return {"x-style": style, **schema} if style else schema

    def _schema(self, node: Node, refers: list[Node]) -> Schema:
        return as_object(self._bundle.schema(node, refers))

    def _style(self, one: Parameter, types: str | list[str]) -> str | None:
        """How an array or an object is written, "" for what needs no word; None for what is not looked into."""
        style = one.node.text("style") or _DEFAULT_STYLE[one.place]
        said = one.node.value.get("explode")
        explode = said if isinstance(said, bool) else style in ("form", "cookie")
        is_array, is_object = "array" in types, "object" in types
        if not is_array and not is_object and style not in ("label", "matrix"):
            return ""
        of_place = {"query": _in_query, "header": _in_header, "path": _in_path}.get(one.place, _nowhere)
        found = of_place(style, explode, is_array)
        if found is None:
            kind = "an array" if is_array else "an object" if is_object else "a value"
            words = f"{kind} in style {style} in the {one.place} is not looked into: {one.name} is not validated"
            self._documents.warn(one.node, words)
        return found


def _in_query(style: str, explode: bool, is_array: bool) -> str | None:
    if style == "deepObject":
        return None if is_array else "deep"
    if style not in _DELIMITED:
        return None
    if is_array:
        return "" if explode else _DELIMITED[style]
    if explode:
        return "spread" if style == "form" else None
    return _DELIMITED[style]


def _in_header(style: str, explode: bool, is_array: bool) -> str | None:
    if style != "simple":
        return None
    return "" if is_array else "pairs" if explode else "comma"


def _in_path(style: str, explode: bool, is_array: bool) -> str | None:
    if style != "simple":
        return None
    return "pairs" if explode and not is_array else "comma"


def _nowhere(style: str, explode: bool, is_array: bool) -> None:
    return None


def _put_cookies(objects: Objects) -> None:
    """Cookies are one header field, whose text is an object."""
    cookies = objects.made.pop("cookies", None)
    if cookies is None:
        return
    first = objects.first.pop("cookies")
    # What they refer to stands at the top, like the references of all others.
    above = {key: cookies.pop(key) for key in ("$schema", "definitions", "$defs") if key in cookies}
    headers = objects.made.setdefault("headers", {"type": "object", "properties": {}})
    objects.first.setdefault("headers", first)
    headers["properties"]["cookie"] = {"x-style": "cookie", **cookies}
    if "required" in cookies:
        headers["required"] = [*headers.get("required", ()), "cookie"]
    for key, value in above.items():
        headers[key] = {**headers.get(key, {}), **value} if isinstance(value, dict) else value


def _with_string(types: str | list[str]) -> list[str]:
    """The same types, and a text."""
    return list(dict.fromkeys([*([types] if isinstance(types, str) else types), "string"]))
