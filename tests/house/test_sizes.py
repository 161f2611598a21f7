"""Small files, small functions."""

import ast
import re

import pytest

from tests.house.tree import files, shown

LONGEST_FILE = {".py": 400, ".pyi": 250, ".pxd": 250, ".pxi": 500, ".pyx": 500}
LONGEST_FUNCTION = 60
#: A parser loop may be one long function: {"file:function": why}.
EXCEPTIONS: dict[str, str] = {}
CYTHON_FUNCTION = re.compile(r"^(\s*)(?:def|cdef|cpdef)\b(?!.*\bclass\b)[^=#]*?(\w+)\([^#]*$")


@pytest.mark.parametrize("room", ["gateway", "tools", "perf"])
def test_files(room):
    long = [
        f"{shown(path)} has {lines} lines, at most {limit} are allowed"
        for path in files(*LONGEST_FILE, under=room)
        if (lines := path.read_text().count("\n")) > (limit := LONGEST_FILE[path.suffix])
    ]
    assert not long


def functions(path):
    """(name, first line, lines) of every function of a Python file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def fast_functions(path):
    """The same of a Cython file, told by indentation."""
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        head = CYTHON_FUNCTION.match(line)
        if not head:
            continue
        body = number
        while body < len(lines) and not lines[body - 1].rstrip().endswith(":"):
            body += 1
        last = body
        for at in range(body, len(lines)):
            text = lines[at]
            if text.strip() and not text.startswith(head[1] + " "):
                break
            if text.strip():
                last = at + 1
        yield head[2], number, last - number + 1


def test_functions():
    found = [(path, *each) for path in files(".py", under="gateway") for each in functions(path)]
    found += [(path, *each) for path in files(".pyx", ".pxi", under="gateway") for each in fast_functions(path)]
    long = [
        f"{shown(path, line)} {name} has {lines} lines, at most {LONGEST_FUNCTION} are allowed"
        for path, name, line, lines in found
        if lines > LONGEST_FUNCTION and f"{shown(path)}:{name}" not in EXCEPTIONS
    ]
    assert not long
    sizes = sorted(lines for *_, lines in found)
    assert sizes[len(sizes) // 2] <= 12, "the median function has grown"


def test_exceptions_are_still_needed():
    long = {
        f"{shown(path)}:{name}"
        for path in files(".py", ".pyx", ".pxi", under="gateway")
        for name, _, lines in (functions if path.suffix == ".py" else fast_functions)(path)
        if lines > LONGEST_FUNCTION
    }
    assert set(EXCEPTIONS) <= long
