"""One mistake gets one complaint, wherever it is made: nothing that only follows from it is told beside it."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from gateway.config.diagnostics import ConfigError, Diagnostic
from gateway.config.document import loads
from gateway.config.yaml import Source

ROOT = Path(__file__).parents[3]
FILES = [file for file in sorted((ROOT / "conf" / "examples").glob("*.yaml")) if "version: 1" in file.read_text()]
FILES.append(ROOT / "tests" / "data" / "contract.yaml")
#: a misspelt key beside names of people's own is taken for one of them, and a key that is not built is not guessed
ALLOWED = ("rate_limit.plans.by: is missing", "federationzq: unknown key")
#: of how many mistakes one is tried; 1 takes half a minute
EVERY = 5

Mutate = Callable[[dict[str, Any]], Iterator[str]]


def told(text: str, base: Path) -> list[Diagnostic]:
    try:
        loads(text, "x.yaml", base=base, env={})
    except ConfigError as error:
        return list(error.complaints)
    return []


def misspelt(tree: dict[str, Any]) -> Iterator[str]:
    """The tree as text with each of its keys misspelt."""

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            members = dict(value)
            for key in members:
                value.clear()
                value.update((f"{name}zq" if name == key else name, member) for name, member in members.items())
                yield json.dumps(tree)
            value.clear()
            value.update(members)
        for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from walk(member)

    return walk(tree)


def mistyped(tree: dict[str, Any]) -> Iterator[str]:
    """The tree as text with each of its values of another type: a list of lists for what is none, and a number."""

    def walk(value: Any) -> Iterator[str]:
        for key, member in list(value.items() if isinstance(value, dict) else enumerate(value)):
            value[key] = 987_654_321 if isinstance(member, dict | list) else [[1]]
            yield json.dumps(tree)
            value[key] = member
            if isinstance(member, dict | list):
                yield from walk(member)

    return walk(tree)


def follow_ups(text: str, base: Path, known: set[tuple[str, str]]) -> list[str]:
    """What is told of a text besides the one mistake that was made in it, if the schema tells one."""
    found = [one for one in told(text, base) if not {(one.path, one.message), ("", one.message)} & known]
    is_schema = any(one.message == "unknown key" or one.message.startswith("expected ") for one in found)
    shown = [f"{one.path}: {one.message}" for one in found]
    return shown if is_schema and len(shown) > 1 and not any(one.endswith(ALLOWED) for one in shown) else []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("mutate", [misspelt, mistyped])
def test_nothing_follows_from_a_mistake(file: Path, mutate: Mutate) -> None:
    tree = json.loads(json.dumps(Source(file.read_bytes(), "x.yaml").root))
    known = {
        pair for one in told(json.dumps(tree), file.parent) for pair in ((one.path, one.message), ("", one.message))
    }
    texts = islice(mutate(tree), 0, None, EVERY)
    assert [wrong for text in texts if (wrong := follow_ups(text, file.parent, known))] == []
