"""Operations of an OpenAPI document, read for what a gateway can hold requests against."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.config.nodes import MappingNode
from gateway.routing.openapi.bodies import Body, read_body
from gateway.routing.openapi.dialect import V30, V31, Dialect
from gateway.routing.openapi.document import Documents, Node
from gateway.routing.openapi.parameters import Objects, Parameter, Parameters, parameters
from gateway.routing.openapi.paths import Template, address_of, base_of, template
from gateway.routing.openapi.schemas import Bundle
from gateway.routing.openapi.security import Security

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
_VERSION: Final = re.compile(r"3\.([01])(\.[0-9]+(-.+)?)?")
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `name` is its operationId or made of method and path, as far as a route can have it.

    `base` is the path of the server it is on. `is_secured` says whether it declares that callers must be known, and
    `scopes` are those that it needs.
    """

    node: Node
    name: str
    method: str
    base: str
    path: Template
    objects: Objects
    body: Body | None
    is_secured: bool
    scopes: tuple[str, ...]


def read_operations(
    documents: Documents, excluded: Collection[str], *, strict: bool
) -> tuple[list[Operation], frozenset[str]]:
    """The operations of a document but those excluded, and the names of all.

    Complains of every mistake in what it reads, at its place.
    """
    root = documents.root()
    dialect = _dialect(documents, root) if root is not None else None
    if root is None or dialect is None:
        return [], frozenset()
    reading = _Reading(documents, root, dialect, excluded, strict=strict)
    found = list(reading.operations())
    _check_once(documents, found)
    return found, frozenset(reading.names)


def server_of(documents: Documents) -> str:
    """The address of the first server, "" without one."""
    root = documents.root()
    first = next(documents.listing(root, "servers"), None) if root is not None else None
    return address_of(documents, first) if first is not None else ""


def _dialect(documents: Documents, root: Node) -> Dialect | None:
    swagger, version = root.member("swagger"), root.member("openapi")
    if version is None:
        message = f"Swagger {swagger.value} is not understood" if swagger is not None else "`openapi` is missing"
        hint = "convert it to OpenAPI 3" if swagger is not None else "a document says `openapi: 3.0.4` or `3.1.1`"
        documents.complain(swagger or root, message, hint)
        return None
    found = _VERSION.fullmatch(str(version.value))
    if found is None:
        documents.complain(version, f"OpenAPI {version.value} is not understood", "3.0 and 3.1 are")
        return None
    said = root.member("jsonSchemaDialect")
    if said is not None and found[1] == "1" and said.value not in (V31.names, _OAS_31):
        documents.complain(said, "schemas of this dialect are not understood", f"{V31.names} is")
    return V30 if found[1] == "0" else V31


_OAS_31: Final = "https://spec.openapis.org/oas/3.1/dialect/base"


class _Reading:
    def __init__(
        self, documents: Documents, root: Node, dialect: Dialect, excluded: Collection[str], *, strict: bool
    ) -> None:
        self.names: set[str] = set()
        self._excluded = excluded
        self._documents = documents
        self._root = root
        self._bundle = Bundle(documents, dialect)
        self._parameters = Parameters(documents, self._bundle)
        self._security = Security(documents, root)
        self._strict = self._security.query_names() if strict else None

    def operations(self) -> Iterator[Operation]:
        """In the order of the document."""
        paths = self._documents.mapping(self._root, "paths")
        if paths is None:
            if "paths" not in self._root.value and self._bundle.dialect is V30:
                self._documents.complain(self._root, "`paths` is missing")
            return
        for path, entry in paths.members():
            if path.startswith("x-"):
                continue
            item = self._documents.follow(entry)
            if item is not None and self._documents.is_a(item, MappingNode, "the operations of a path"):
                yield from self._of_path(paths.named(path), path, item)

    def _of_path(self, key: Node, path: str, item: Node) -> Iterator[Operation]:
        if not path.startswith("/"):
            self._documents.complain(key, "a path begins with /")
            return
        shared = list(parameters(self._documents, item))
        if "trace" in item.value:
            self._documents.warn(item.named("trace"), "TRACE is never routed")
        for method in item.value:
            node = item.member(method)
            if method not in _METHODS or node is None or not self._documents.is_a(node, MappingNode, "an operation"):
                continue
            name = _name(node, method, path)
            self.names.add(name)
            if name not in self._excluded:
                yield self._operation(name, key, path, item.named(method), item, shared)

    def _operation(self, name: str, key: Node, path: str, node: Node, item: Node, shared: list[Parameter]) -> Operation:
        by_key: dict[tuple[str, str], Parameter] = {one.key: one for one in shared}
        by_key |= {one.key: one for one in parameters(self._documents, node)}
        found = list(by_key.values())
        shown = template(self._documents, key, path, found)
        return Operation(
            node=node,
            name=name,
            method=str(node.path[-1]).upper(),
            base=base_of(self._documents, node, item, self._root),
            path=shown,
            objects=self._parameters.objects(found, shown.names, self._strict),
            body=read_body(self._documents, self._bundle, node),
            is_secured=self._security.is_required(node),
            scopes=self._security.scopes(node),
        )


def _name(node: Node, method: str, path: str) -> str:
    said = node.text("operationId") or re.sub("[^A-Za-z0-9]+", "-", f"{method}{path}")
    return _NO_NAME.sub("-", said).strip("-")[:100]


def _check_once(documents: Documents, found: list[Operation]) -> None:
    """No two operations have one name, or take the same requests."""
    names: dict[str, Operation] = {}
    requests: dict[tuple[str, str, str], Operation] = {}
    for one in found:
        other = names.setdefault(one.name, one)
        if other is not one:
            at = one.node.member("operationId") or one.node
            hint = "" if "operationId" in one.node.value else "give it an `operationId`"
            documents.complain(at, f"the operation {one.name} is there twice, first at {other.node.where}", hint)
        same = requests.setdefault((one.method, one.base, one.path.shape), one)
        if same is not one:
            message = f"matches the same requests as {same.name} at {same.node.where}"
            documents.complain(one.node, f"{one.method} {one.path.text} {message}")
