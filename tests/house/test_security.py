"""What the documents on security name as proof is there."""

import re

import pytest

from tests.house.tree import ROOT

CONTROLS = ROOT / "docs" / "security" / "controls.md"
FRAMEWORKS = ("OWASP API Security Top 10", "OWASP ASVS 5", "CIS Kubernetes", "SOC 2", "PCI DSS")


def rows(text):
    """(section, cells) of every row."""
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| ") and not line.startswith(("| id", "| chapter", "| family", "| requirement")):
            yield section, [cell.strip() for cell in line.strip("|").split("|")]


def unproven(text, root=ROOT):
    """What is wrong with the last cell of each row."""
    for _, cells in rows(text):
        named = re.findall(r"`([^`]+)`", cells[-1])
        if not named and cells[-1] != "none":
            yield f"{cells[0]}: names nothing"
        for name in named:
            path, _, test = name.partition("::")
            if not (root / path).exists():
                yield f"{cells[0]}: there is no {path}"
            elif test and f"def {test}(" not in (root / path).read_text():
                yield f"{cells[0]}: {path} has no {test}"


def test_every_proof_is_there():
    assert list(unproven(CONTROLS.read_text())) == []


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_framework_has_its_rows(framework):
    assert len([cells for section, cells in rows(CONTROLS.read_text()) if section.startswith(framework)]) >= 6


def test_all_ten_risks_are_met():
    assert {f"API{number}" for number in range(1, 11)} <= {cells[0] for _, cells in rows(CONTROLS.read_text())}


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("`tests/none.py`", "x: there is no tests/none.py"),
        ("`tests/conftest.py::test_none`", "x: tests/conftest.py has no test_none"),
        ("trust us", "x: names nothing"),
    ],
)
def test_what_is_not_there_is_missed(cell, words):
    assert list(unproven(f"## A\n| x | y | {cell} |\n")) == [words]


def test_comments_name_tests_that_are_there():
    """`SECURITY: ... (test_x)` in the audit log's rooms."""
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    sources = [
        *(ROOT / "gateway" / "observability" / "audit").glob("*.py"),
        ROOT / "gateway" / "control" / "audit_middleware.py",
    ]
    named = {name for path in sources for name in re.findall(r"\((test_\w+)\)", path.read_text())}
    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []
