"""Draws the rooms of the gateway and their imports into docs/design.md: `python tools/rooms.py [--check]`.

The floors are those of pyproject.toml, which `lint-imports` holds; an arrow is an import that no other arrows imply.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DESIGN = ROOT / "docs" / "design.md"
BEGIN, END = "<!-- rooms: written by `make rooms` -->", "<!-- /rooms -->"


def floors() -> list[list[str]]:
    """The rooms of each floor, the highest first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(each for each in contracts if each["name"] == "floors")["layers"]
    return [sorted(layer.replace("|", " ").replace(":", " ").split()) for layer in layers]


def imports() -> dict[str, set[str]]:
    """The rooms that each room imports at run time."""
    package = ROOT / "gateway"
    found: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        for name in _imported(ast.parse(path.read_text())):
            other = name.split(".")[1]
            if other != room and (package / other).exists() | (package / f"{other}.py").exists():
                found.setdefault(room, set()).add(other)
    return found


def _imported(tree: ast.Module) -> Iterator[str]:
    """The modules of the gateway that a file imports, but for the type checker's."""
    checked = [
        each for each in ast.walk(tree) if isinstance(each, ast.If) and "TYPE_CHECKING" in ast.unparse(each.test)
    ]
    left_out = {id(each) for branch in checked for each in ast.walk(branch)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in left_out:
            names = [f"gateway.{alias.name}" for alias in node.names] if node.module == "gateway" else [node.module]
            yield from (name for name in names if name.startswith("gateway."))


def reduced(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same without what follows from other arrows."""

    def reach(room: str) -> set[str]:
        below = graph.get(room, set())
        return below.union(*map(reach, below)) if below else set()

    return {room: below - set().union(*map(reach, below)) if below else below for room, below in graph.items()}


def picture() -> str:
    """The rooms as a Mermaid flowchart."""
    lines = ["```mermaid", "flowchart TD"]
    layers = floors()
    for number, rooms in enumerate(layers):
        lines += [f'  subgraph floor{len(layers) - 1 - number} [" "]', *(f"    {room}" for room in rooms), "  end"]
    order = [room for rooms in layers for room in rooms]
    arrows = reduced(imports())
    for room in order:
        lines += [f"  {room} --> {below}" for below in sorted(arrows.get(room, ()), key=order.index)]
    return "\n".join([*lines, "```"])


def drawn(text: str) -> str:
    """A document with the picture between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{picture()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the picture; with --check 1 when it is not the present one."""
    text = DESIGN.read_text()
    fresh = drawn(text)
    if "--check" in arguments:
        return int(fresh != text)
    DESIGN.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
