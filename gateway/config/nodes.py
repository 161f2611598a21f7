"""Nodes of a configuration's tree: dicts and lists that remember where each of their members stands."""

from __future__ import annotations

from typing import Any

from gateway.config.diagnostics import Path, Position


class MappingNode(dict[str, Any]):
    """A mapping; `spots` holds for each key its own place and its value's."""

    __slots__ = ("origins", "place", "spots")

    def __init__(self, place: Position) -> None:
        self.place = place
        self.spots: dict[str, tuple[Position, Position]] = {}
        self.origins: dict[str | int, str] = {}


class SequenceNode(list[Any]):
    """A sequence; `spots` holds each item's place. `origins` says which values came from a ${reference}, and which."""

    __slots__ = ("origins", "place", "spots")

    def __init__(self, place: Position) -> None:
        self.place = place
        self.spots: list[Position] = []
        self.origins: dict[str | int, str] = {}


Reference = tuple[MappingNode | SequenceNode, Any, Path]
"""A string with "${" in it: what holds it, under which key (of a sequence a number), and the path to it."""


def place_of(holder: MappingNode | SequenceNode, key: str | int) -> Position:
    """Where the value under `key` stands."""
    if isinstance(holder, MappingNode):
        return holder.spots[str(key)][1]
    return holder.spots[int(key)]


class UnresolvedReference(str):
    """A string whose reference could not be resolved; already complained about, so no more is said of it."""

    __slots__ = ()
