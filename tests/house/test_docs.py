"""What the documents point to is there."""

import re
import subprocess
import sys

import pytest

from tests.house.tree import ROOT, files, shown

PAGES = files(".md")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
MENU = re.compile(r"`?\bmake ([a-z0-9]+)\b")
CODE = re.compile(r"```.*?```|`[^`]*`|(?m:^    .*$)", re.S)


def heads(page) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in found}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page):
    broken = []
    for link in LINK.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.S)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in heads(target)):
            broken.append(link)
    assert not broken


def test_the_menu_has_what_is_promised():
    menu = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.M))
    promised = {
        (shown(page), target)
        for page in PAGES
        for code in CODE.findall(page.read_text())
        for target in MENU.findall(code)
    }
    assert promised
    assert {entry for entry in promised if entry[1] not in menu} == set()


def test_every_error_has_a_paragraph():
    from gateway.errors import KINDS

    slugs = heads(ROOT / "docs" / "errors.md")
    assert [kind.slug for kind in KINDS if kind.slug not in slugs] == []


def test_the_schema_is_current():
    command = [sys.executable, "-m", "gateway.cli", "schema"]
    fresh = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "conf" / "gateway.schema.json").read_text() == fresh, "run `make schema`"
