"""Paths of an OpenAPI document: templates as routes have them, and the path of the server in front."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from gateway.config.diagnostics import did_you_mean
from gateway.config.nodes import MappingNode
from gateway.routing.openapi.document import Documents, Node
from gateway.routing.openapi.parameters import Parameter
from gateway.routing.openapi.shapes import types_of

_WHOLE: Final = re.compile(r"\{([^{}]+)\}")
_NO_WORD: Final = re.compile(r"[^A-Za-z0-9_]")
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
#: what may stand beside `type: string, format: uuid` of a parameter that the matcher can judge
_SAYS_NOTHING: Final = frozenset(("type", "format", "title", "description", "example", "examples", "default"))


@dataclass(frozen=True, slots=True)
class Template:
    """A path: as the document has it, as a route matches it, and as a rewrite writes it.

    `shape` is the same for paths that match the same; `names` are what the route calls the parameters.
    """

    text: str
    match: str
    rewrite: str
    shape: str
    names: dict[str, str]


def template(documents: Documents, key: Node, path: str, found: Sequence[Parameter]) -> Template:
    """The template of a path; complains of parameters that are not declared, or are and have no place."""
    declared = {one.name: one for one in found if one.place == "path"}
    names: dict[str, str] = {}
    match: list[str] = []
    rewrite: list[str] = []
    shape: list[str] = []
    for segment in path.split("/"):
        whole = _WHOLE.fullmatch(segment)
        if whole is None:
            if "{" in segment or "}" in segment:
                hint = "a route cannot match a part of a segment; `exclude` the operation"
                documents.complain(key, f"a parameter is a whole segment of the path, which {segment} is not", hint)
            rewrite.append(segment)
            for part in (match, shape):
                part.append(_decoded(segment))
            continue
        name = whole[1]
        if name not in declared:
            documents.complain(key, f"the path's parameter {{{name}}} is not declared", did_you_mean(name, declared))
        if name in names:
            documents.complain(key, f"the parameter {{{name}}} is there twice")
        names[name] = _unlike(_NO_WORD.sub("_", name), names)
        kind = ":uuid" if name in declared and _is_uuid(documents, declared[name]) else ""
        match.append(f"{{{names[name]}{kind}}}")
        rewrite.append(f"{{{names[name]}}}")
        shape.append(f"{{{kind}}}")
    unplaced = [name for name in declared if name not in names and f"{{{name}}}" not in path]
    for name in unplaced if names.keys() <= declared.keys() else ():
        documents.complain(declared[name].node, f"the path {path} has no {{{name}}}", did_you_mean(name, names))
    return Template(path, "/".join(match), "/".join(rewrite), "/".join(shape), names)


def _decoded(segment: str) -> str:
    """A literal as routes compare it; as it is where it cannot be one, of which the route complains."""
    text = unquote(segment, errors="surrogateescape")
    return text if text.isprintable() and not set(text) & set("/{}%?#") else segment


def _unlike(word: str, names: dict[str, str]) -> str:
    word = f"_{word}" if word[:1].isdigit() else word
    while word in names.values():
        word += "_"
    return word


def _is_uuid(documents: Documents, one: Parameter) -> bool:
    """Whether {name:uuid} means the same. {name:int} never does: it takes 007, which is no integer of JSON's."""
    schema = documents.follow(one.schema) if one.schema is not None else None
    if schema is None or one.is_json or one.node.text("style") not in ("", "simple"):
        return False
    said = set(schema.value) if isinstance(schema.value, MappingNode) else set()
    is_plain = said <= _SAYS_NOTHING and types_of(documents, schema) == {"string"}
    return is_plain and schema.text("format") == "uuid"


def base_of(documents: Documents, *holders: Node) -> str:
    """The path of the first server that the nearest of the holders names, without a slash at its end."""
    server = next((one for holder in holders for one in documents.listing(holder, "servers")), None)
    if server is None:
        return ""
    try:
        path = urlsplit(address_of(documents, server)).path.rstrip("/")
    except ValueError:  # a host in brackets that is none
        documents.complain(server, f"the address of the server, {server.text('url')}, is none")
        return ""
    if path and not path.startswith("/"):
        documents.complain(server, f"the path of the server, {path}, does not begin with /")
        return ""
    return path


def address_of(documents: Documents, server: Node) -> str:
    """The address of a server, its variables having their defaults."""
    variables = documents.mapping(server, "variables")

    def value(found: re.Match[str]) -> str:
        one = variables.member(found[1]) if variables is not None else None
        if one is None:
            documents.complain(server, f"the variable {found[0]} of the server is not declared")
        return one.text("default") if one is not None else ""

    return _VARIABLE.sub(value, server.text("url"))
