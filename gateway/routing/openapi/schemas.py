"""Schemas of an OpenAPI document as schemas that stand alone: translated, and with all that they refer to in them."""

import json
from collections.abc import Iterable
from typing import Any

from gateway.config.diagnostics import Path
from gateway.config.nodes import MappingNode, SequenceNode
from gateway.routing.openapi.dialect import ADDRESSES, OWN_FORMATS, V30, Dialect, from_30
from gateway.routing.openapi.document import Documents, Node, is_reference
from gateway.validation.draft07 import dialect as draft_of
from gateway.validation.schema_files import faults_of_schema

Schema = dict[str, Any]
_Key = tuple[str, Path]


class Bundle:
    """Makes schemas; each one of the document is translated, and held against its draft, once."""

    def __init__(self, documents: Documents, dialect: Dialect) -> None:
        self.dialect = dialect
        self._documents = documents
        self._made: dict[_Key, tuple[Schema | bool, list[Node]]] = {}
        self._names: dict[_Key, str] = {}
        self._taken: set[str] = set()

    def schema(self, node: Node, refers: list[Node]) -> Schema | bool:
        """The schema at a place, or the one it refers to; adds to `refers` what it needs beside it."""
        if self._documents.follow(node) is None:
            return {}
        target = node
        while is_reference(target) and not self._has_more(target):
            target = self._documents.target(target)
        made, more = self._converted(target)
        refers += more
        if target is node or not isinstance(made, dict):
            return made
        return {"title": str(target.path[-1]), **made} if target.path else made

    def closed(self, schema: Schema, refers: Iterable[Node]) -> Schema:
        """A schema with what it refers to, and with the name of its draft."""
        found: dict[str, Schema | bool] = {}
        waiting = list(refers)
        while waiting:
            node = waiting.pop()
            name = self._name(node)
            if name not in found:
                found[name], more = self._converted(node)
                waiting += more
        head = {"$schema": self.dialect.names} if self.dialect.names else {}
        return {**head, **schema, **({self.dialect.definitions: found} if found else {})}

    def _has_more(self, node: Node) -> bool:
        """Whether a reference has keywords beside it that mean something."""
        return self.dialect is not V30 and len(node.value) > 1

    def _name(self, node: Node) -> str:
        if node.key not in self._names:
            last = str(node.path[-1]) if node.path else node.file.rpartition("/")[2]
            word = "".join(char if char.isascii() and char.isalnum() else "_" for char in last)
            name, number = word, 1
            while name in self._taken:
                number += 1
                name = f"{word}_{number}"
            self._taken.add(name)
            self._names[node.key] = name
        return self._names[node.key]

    def _converted(self, node: Node) -> tuple[Schema | bool, list[Node]]:
        if node.key not in self._made:
            refers: list[Node] = []
            made = self._convert(node, refers)
            self._check(node, made)
            self._made[node.key] = made, refers
        return self._made[node.key]

    def _convert(self, node: Node, refers: list[Node]) -> Schema | bool:
        if isinstance(node.value, bool):
            return node.value
        if not self._documents.is_a(node, MappingNode, "a schema"):
            return {}
        made: Schema = {}
        if is_reference(node):
            if self._documents.follow(node) is None:
                return {}
            target = self._documents.target(node)
            refers.append(target)
            made["$ref"] = f"#/{self.dialect.definitions}/{self._name(target)}"
            if self.dialect is V30:
                return made
        for key, member in node.members():
            self._keyword(key, member, made, refers)
        self._finish(node, made)
        return made

    def _keyword(self, key: str, member: Node, made: Schema, refers: list[Node]) -> None:
        dialect = self.dialect
        if key in dialect.single:
            made[key] = self._convert(member, refers)
        elif key in dialect.lists and isinstance(member.value, SequenceNode):
            made[key] = [self._convert(each, refers) for each in member.entries()]
        elif key in dialect.maps and isinstance(member.value, MappingNode):
            made[key] = {name: self._convert(each, refers) for name, each in member.members()}
        elif key == "format":
            if not isinstance(member.value, str) or member.value not in OWN_FORMATS:
                made[key] = member.value
        elif key in dialect.plain | dialect.lists | dialect.maps:
            made[key] = member.value
        elif key in dialect.foreign:
            self._documents.warn(member, f"`{key}` means nothing in a schema of OpenAPI {dialect.version}")
        elif key == "$schema" and dialect is not V30 and draft_of(str(member.value)) != dialect.draft:
            self._documents.complain(member, f"a schema of this draft is not understood here; {dialect.draft} is")
        elif key in ADDRESSES:
            hint = "refer to a place in a file: #/components/schemas/Item, item.yaml#/Item"
            self._documents.complain(member, f"`{key}` in a schema is not understood here", hint)

    def _finish(self, node: Node, made: Schema) -> None:
        nullable = node.value.get("nullable") is True
        if self.dialect is V30:
            from_30(made, nullable)
            if nullable and "type" not in made:
                self._documents.warn(node, "`nullable` has no effect without `type` beside it")
        if isinstance(made.get("required"), list):
            # What is readOnly is the answer's: a request need not have it.
            made["required"] = [name for name in made["required"] if not self._is_read_only(node, name)]

    def _is_read_only(self, node: Node, name: Any) -> bool:
        properties = node.member("properties")
        found = properties.member(name) if properties is not None and isinstance(name, str) else None
        target = self._documents.follow(found) if found is not None else None
        beside = found is not None and self.dialect is not V30 and _says_read_only(found)
        return beside or (target is not None and _says_read_only(target))

    def _check(self, node: Node, made: Schema | bool) -> None:
        """Hold a schema against its draft; complains at the nearest place of the document."""
        for place, message in faults_of_schema(json.loads(json.dumps(made)), self.dialect.draft):
            self._documents.complain(_nearest(node, place), f"this is no JSON Schema: {message}")


def _says_read_only(node: Node) -> bool:
    return isinstance(node.value, MappingNode) and node.value.get("readOnly") is True


def as_object(schema: Schema | bool) -> Schema:
    """The same as an object, which true and false can be written as too."""
    return schema if isinstance(schema, dict) else {} if schema else {"not": {}}


def _nearest(node: Node, steps: Iterable[str | int]) -> Node:
    """The value that steps lead to, as far as the document has them."""
    for step in steps:
        entries = list(node.entries())
        found = node.member(str(step)) if isinstance(step, str) else entries[step] if step < len(entries) else None
        if found is None:
            break
        node = found
    return node
