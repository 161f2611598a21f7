"""YAML 1.2 text as dicts and lists that remember where each of their members stands.

libyaml's event stream is read directly: no YAML 1.1 booleans, timestamps or merge keys, duplicate keys are complaints,
and what a small file can grow to (depth, aliases) is bounded.
"""

import math
from typing import Any

import yaml
from yaml._yaml import CParser

from gateway.config.diagnostics import Diagnostic, Path, Position, at
from gateway.config.files import SourceError, decode, syntax_complaint
from gateway.config.nodes import MappingNode, Reference, SequenceNode
from gateway.config.yaml_core_schema import resolve

MAX_DEPTH = 64
MAX_ALIASED = 500_000
"""How many values may come from aliases, each counted as often as it is used."""


class Source:
    """One file's tree (`root`), its strings with references in them, and the complaints met on the way."""

    def __init__(self, data: bytes, file: str) -> None:
        self.file = file
        self.complaints: list[Diagnostic] = []
        self.references: list[Reference] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._path: list[str | int] = []
        self._count = 0
        self._aliased = 0
        text = decode(data, file)
        self._parser = CParser(text)
        try:
            self.root = self._document()
        except yaml.YAMLError as error:
            raise SourceError(syntax_complaint(error, file, text)) from None

    def _document(self) -> MappingNode:
        next_event = self._parser.get_event
        next_event()  # the start of the stream
        event = next_event()
        if isinstance(event, yaml.StreamEndEvent):
            raise self._stop((self.file, 0, 0), "the file is empty", "a useful file has one upstream and one route")
        event = next_event()
        root = self._value(event)
        if root is None:
            raise self._stop((self.file, 0, 0), "the file is empty", "a useful file has one upstream and one route")
        if not isinstance(root, MappingNode):
            raise self._stop(self._place(event), "expected a mapping of sections such as `upstreams` and `routes`")
        next_event()  # the end of the document
        event = next_event()
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._stop(self._place(event), "a second YAML document", "one document per file; use `include`")
        return root

    def _value(self, event: Any) -> Any:
        self._count += 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._count
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif len(self._path) >= MAX_DEPTH:
            raise self._stop(self._place(event), f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(event)
        else:
            value = self._sequence(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._count - before + 1)
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise self._stop(self._place(event), f"the alias *{event.anchor} names no anchor that ends before it")
        value, count = self._anchors[event.anchor]
        self._count += count
        self._aliased += count
        if self._aliased > MAX_ALIASED:
            raise self._stop(self._place(event), f"aliases repeat more than {MAX_ALIASED:,} values")
        return value

    def _scalar(self, event: Any) -> Any:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            self.complaints.append(at(self._place(event), self._here(), f"the tag {event.tag} has no meaning here"))
        if not event.implicit[0]:
            return event.value
        value = resolve(event.value)
        if isinstance(value, float) and not math.isfinite(value):
            self.complaints.append(at(self._place(event), self._here(), f"{event.value} is not a finite number"))
        return value

    def _mapping(self, start: Any) -> MappingNode:
        node = MappingNode(self._place(start))
        next_event, path, spots = self._parser.get_event, self._path, node.spots
        while not isinstance(event := next_event(), yaml.MappingEndEvent):
            key, key_place = self._key(event), self._place(event)
            path.append(key)
            event = next_event()
            place = self._place(event)
            value = self._value(event)
            if key in spots:
                first = spots[key][0]
                message = f"the key is written twice, first at {first[0]}:{first[1]}:{first[2]}"
                self.complaints.append(at(key_place, self._here(), message))
            else:
                node[key] = value
                spots[key] = (key_place, place)
                if isinstance(value, str) and "${" in value:
                    self.references.append((node, key, self._here()))
            path.pop()
        return node

    def _sequence(self, start: Any) -> SequenceNode:
        node = SequenceNode(self._place(start))
        next_event, path = self._parser.get_event, self._path
        while not isinstance(event := next_event(), yaml.SequenceEndEvent):
            path.append(len(node))
            value = self._value(event)
            if isinstance(value, str) and "${" in value:
                self.references.append((node, len(node), self._here()))
            node.append(value)
            node.spots.append(self._place(event))
            path.pop()
        return node

    def _key(self, event: Any) -> str:
        if isinstance(event, yaml.AliasEvent):
            event_value = self._alias(event)
            if isinstance(event_value, str):
                return event_value
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor is not None:
                self._anchors[event.anchor] = (event.value, 1)
            return str(event.value)
        raise self._stop(self._place(event), "a key must be a plain word, not a list or a mapping")

    def _here(self) -> Path:
        return tuple(self._path)

    def _place(self, event: Any) -> Position:
        mark = event.start_mark
        return self.file, mark.line + 1, mark.column + 1

    def _stop(self, place: Position, message: str, hint: str = "") -> SourceError:
        return SourceError(at(place, self._here(), message, hint))
