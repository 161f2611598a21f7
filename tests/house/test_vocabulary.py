"""Names are the field's words, and modules say what they are; the picture of the rooms is the present one."""

import ast
import re

import pytest

from tests.house.tree import files, shown
from tools import rooms

PRIVATE = frozenset(["hands", "legs", "filling", "told", "asked", "beside", "plants", "desk", "pulse", "ahead"])
QUESTION = re.compile(r"(What|How|Where|Which|Who|Whose|When|Why|Whether)\b")
LONGEST_LINE = 120
PYTHON = sorted(files(".py", under="gateway"))


def words(name):
    """The words of a name in snake or camel case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", name)}


def named(path):
    """(line, name) of a module and of all classes and functions in it."""
    yield 1, path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def test_no_private_words():
    found = [f"{shown(path, line)} {name}" for path in PYTHON for line, name in named(path) if words(name) & PRIVATE]
    assert not found


def test_no_class_is_called_rules():
    assert not [f"{shown(path, line)}" for path in PYTHON for line, name in named(path) if name == "Rules"]


def test_modules_say_what_they_are():
    """As a noun phrase or by a verb, and in one line."""
    openings = {path: (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0] for path in PYTHON}
    assert not [f"{shown(path)}: {text}" for path, text in openings.items() if QUESTION.match(text)]
    assert not [shown(path) for path, text in openings.items() if not text and path.read_text().strip()]


def test_no_room_imports_another_in_a_circle():
    graph = rooms.imports()

    def reach(room, seen):
        for below in graph.get(room, set()) - seen:
            seen.add(below)
            reach(below, seen)
        return seen

    assert not [room for room in graph if room in reach(room, set())]


def test_every_room_has_a_floor():
    placed = {room for floor in rooms.floors() for room in floor}
    found = {path.relative_to(rooms.ROOT / "gateway").parts[0].removesuffix(".py") for path in PYTHON}
    assert found - {"__init__", "__main__"} == placed
    assert len(found) <= 28


def test_the_picture_of_the_rooms_is_fresh():
    assert rooms.drawn(rooms.DESIGN.read_text()) == rooms.DESIGN.read_text(), "run `make rooms`"


@pytest.mark.parametrize("name", ["room_a"])
def test_what_is_looked_for_is_found(name):
    assert words("toldOnce") & PRIVATE and words("is_asked") & PRIVATE and not words(name) & PRIVATE
    assert QUESTION.match("What a route asks.") and not QUESTION.match("Options of a route.")
