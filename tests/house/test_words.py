"""Words that do not belong into the tree."""

import re

from tests.house.tree import files, shown

UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
#: Where packages come from is each machine's own affair.
INDEX = re.compile(
    r"(?:--(?:extra-)?index" + r"-url|--find" + r"-links|registry\.[a-z]+\.|https?://(?:files\.)?py" + r"p[i]\.)"
)
WASTE = re.compile(r"[ \t]+$|\r$")


def lines():
    for path in files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        if b"\0" not in text[:1024].encode():
            yield from ((path, number, line) for number, line in enumerate(text.split("\n"), 1))


def test_nothing_is_left_to_be_done():
    assert not [shown(path, number) for path, number, line in lines() if UNFINISHED.search(line)]


def test_no_package_index_is_named():
    assert not [shown(path, number) for path, number, line in lines() if INDEX.search(line)]


def test_no_trailing_blanks():
    kinds = (".py", ".pyx", ".pxd", ".pyi", ".pxi", ".md", ".toml", ".yaml", ".sh")
    assert not [shown(p, number) for p, number, line in lines() if p.suffix in kinds and WASTE.search(line)]
