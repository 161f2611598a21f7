"""A flame graph as one HTML page that needs nothing else: a box for each frame, as wide as it was often seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from perf.profiling.fold import Stacks, kind

TEMPLATE = Path(__file__).parent / "flame.html"
ROW = 18  # pixels
LEAST = 0.0005  # share of all samples that a box must have


@dataclass(slots=True)
class Node:
    """A frame below its callers: how often it was seen, and what it called."""

    name: str
    seen: int = 0
    inner: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Box:
    """Where a frame is drawn: its row, its left edge and width as shares of all samples."""

    node: Node
    row: int
    left: float
    width: float


def tree(stacks: Stacks) -> Node:
    """All stacks laid over each other; the root is called `all`."""
    root = Node("all")
    for stack, times in stacks.items():
        node = root
        node.seen += times
        for frame in stack:
            node = node.inner.setdefault(frame, Node(frame))
            node.seen += times
    return root


def boxes(root: Node) -> Iterator[Box]:
    """The boxes of a tree, from the root up; siblings by name, so that two graphs can be held against each other."""
    left = [(root, 0, 0)]
    while left:
        node, row, start = left.pop()
        if node.seen < LEAST * root.seen or not root.seen:
            continue
        yield Box(node, row, start / root.seen, node.seen / root.seen)
        for name in sorted(node.inner):
            left.append((node.inner[name], row + 1, start))
            start += node.inner[name].seen


def page(stacks: Stacks, title: str, note: str) -> str:
    """The whole page."""
    drawn = list(boxes(tree(stacks)))
    rows = max((box.row for box in drawn), default=0) + 1
    filled = TEMPLATE.read_text().replace("@TITLE@", escape(title)).replace("@NOTE@", escape(note))
    return filled.replace("@HEIGHT@", str(rows * ROW)).replace("@FRAMES@", "\n".join(map(_box, drawn)))


def _box(box: Box) -> str:
    name = escape(box.node.name)
    look = "all" if box.row == 0 else kind(box.node.name)
    where = f"left:{box.left:.4%};width:{box.width:.4%};bottom:{box.row * ROW}px"
    return f'<div class="{look}" style="{where}" title="{name}: {box.node.seen} samples, {box.width:.1%}">{name}</div>'
