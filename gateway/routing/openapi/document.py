"""OpenAPI documents as trees: each value knows where it stands, and references are followed, into other files too."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from gateway.config import files as source_text
from gateway.config.diagnostics import Path, Position, at, describe, location
from gateway.config.files import SourceError
from gateway.config.nodes import MappingNode, SequenceNode
from gateway.config.reader import LoadContext, OptionReader, ScalarNode
from gateway.config.yaml import Source


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document: `file` is the document's absolute name, `path` the way to the value in it."""

    value: Any
    place: Position
    path: Path
    file: str

    @property
    def where(self) -> str:
        """Its "file:line"."""
        return location(self.place)

    @property
    def key(self) -> tuple[str, Path]:
        """What tells it from all others."""
        return self.file, self.path

    def member(self, name: str) -> "Node | None":
        """The value under a name of a mapping."""
        if not isinstance(self.value, MappingNode) or name not in self.value:
            return None
        return Node(self.value[name], self.value.spots[name][1], (*self.path, name), self.file)

    def named(self, name: str) -> "Node":
        """The same with the place of the name itself, for complaints about it."""
        return Node(self.value[name], self.value.spots[name][0], (*self.path, name), self.file)

    def members(self) -> Iterator[tuple[str, "Node"]]:
        """The names and values of a mapping; nothing of what is none."""
        for name in self.value if isinstance(self.value, MappingNode) else ():
            yield name, Node(self.value[name], self.value.spots[name][1], (*self.path, name), self.file)

    def entries(self) -> Iterator["Node"]:
        """What stands in a list; nothing of what is none."""
        for index, value in enumerate(self.value if isinstance(self.value, SequenceNode) else ()):
            yield Node(value, self.value.spots[index], (*self.path, index), self.file)

    def text(self, name: str) -> str:
        """The string under a name, or an empty one."""
        found = self.member(name)
        return found.value if found is not None and isinstance(found.value, str) else ""


def is_reference(node: Node) -> bool:
    """Whether a value stands for another one."""
    return isinstance(node.value, MappingNode) and isinstance(node.value.get("$ref"), str)


class Documents:
    """The files of one document; each joins the files of the configuration, and complaints go where its own go."""

    def __init__(self, reader: OptionReader, named: ScalarNode) -> None:
        self._load: LoadContext = named.load
        self._folder = os.path.dirname(named.place[0])
        self._reader = reader
        self._named = named
        self._roots: dict[str, Node | None] = {}

    def root(self) -> Node | None:
        """The document itself; None after complaining."""
        text = self._named
        file = self._reader.absolute(text.value)
        shown = os.path.normpath(os.path.join(self._folder, text.value))
        return self._document(file, shown, Node(text.value, text.place, text.path, ""))

    def complain(self, node: Node, message: str, hint: str = "") -> None:
        """A complaint about a value."""
        self._load.complaints.append(at(node.place, node.path, message, hint))

    def warn(self, node: Node, message: str, hint: str = "") -> None:
        """A warning about a value."""
        self._load.warnings.append(at(node.place, node.path, message, hint))

    def mapping(self, node: Node, name: str) -> Node | None:
        """The mapping under a name; None where there is none, after complaining of what else there is."""
        found = node.member(name)
        return None if found is None or not self.is_a(found, MappingNode, "a mapping") else found

    def listing(self, node: Node, name: str) -> Iterator[Node]:
        """What is in the list under a name; complains of what is no list."""
        found = node.member(name)
        return found.entries() if found is not None and self.is_a(found, SequenceNode, "a list") else iter(())

    def is_a(self, node: Node, kind: type, title: str) -> bool:
        """Whether a value is of a type; complains when it is not."""
        if isinstance(node.value, kind):
            return True
        self.complain(node, f"expected {title}, found {describe(node.value)}")
        return False

    def follow(self, node: Node) -> Node | None:
        """The value itself, or what its `$ref` leads to; None after complaining."""
        seen: set[tuple[str, Path]] = set()
        while is_reference(node):
            reference = node.member("$ref")
            assert reference is not None
            if node.key in seen:
                self.complain(reference, "the reference leads back to itself")
                return None
            seen.add(node.key)
            target = self._target(reference)
            if target is None:
                return None
            node = target
        return node

    def target(self, node: Node) -> Node:
        """What the `$ref` of a value leads to, not followed further; for what `follow` had nothing against."""
        reference = node.member("$ref")
        found = self._target(reference) if reference is not None else None
        assert found is not None
        return found

    def _target(self, reference: Node) -> Node | None:
        name, _, pointer = reference.value.partition("#")
        if _is_address(name):
            # SECURITY: nothing is fetched, whatever a document says (tests/unit/config/test_openapi_refused.py).
            self.complain(reference, f"the reference leads to {name}, which is no file", "only files are read")
            return None
        root = self._roots.get(reference.file)
        if name:
            folder = os.path.dirname(reference.file)
            shown = os.path.normpath(os.path.join(os.path.dirname(reference.place[0]), unquote(name)))
            root = self._document(os.path.normpath(os.path.join(folder, unquote(name))), shown, reference)
        return None if root is None else self._inside(root, pointer, reference)

    def _inside(self, root: Node, pointer: str, reference: Node) -> Node | None:
        """What a JSON pointer (RFC 6901) in a fragment leads to."""
        if pointer and not pointer.startswith("/"):
            self.complain(reference, f"the reference {describe(reference.value)} is no JSON pointer", "write #/a/b")
            return None
        node = root
        for step in unquote(pointer).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = node.member(name)
            if isinstance(node.value, SequenceNode) and name.isdecimal() and int(name) < len(node.value):
                found = Node(node.value[int(name)], node.value.spots[int(name)], (*node.path, int(name)), node.file)
            if found is None:
                file = os.path.basename(root.file)
                self.complain(reference, f"the reference leads nowhere: {file} has no {json.dumps(name)} there")
                return None
            node = found
        return node

    def _document(self, file: str, shown: str, named: Node) -> Node | None:
        if file in self._roots:
            return self._roots[file]
        self._roots[file] = None
        self._load.files.setdefault(file, "")
        try:
            data = source_text.read(file, shown)
        except SourceError as error:
            self.complain(named, f"the file {describe(shown)} {error.complaint.message}", error.complaint.hint)
            return None
        self._load.files[file] = hashlib.sha256(data).hexdigest()
        try:
            source = Source(data, shown)
        except SourceError as error:
            self._load.complaints.append(error.complaint)
            return None
        self._load.complaints += source.complaints
        self._roots[file] = Node(source.root, source.root.place, (), file)
        return self._roots[file]


def _is_address(name: str) -> bool:
    """Whether a reference leads to another place than a file beside it."""
    try:
        return bool(urlsplit(name).scheme) or name.startswith("//")
    except ValueError:  # a host in brackets that is none
        return True
