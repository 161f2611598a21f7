"""Beside each .pyx stands a stub, and under tests/oracles a slow, obvious twin that it is compared with."""

import re

import pytest

from tests.house.tree import ROOT, files, shown

FAST = files(".pyx", under="gateway/_fast")


@pytest.mark.parametrize("path", FAST, ids=lambda path: path.stem)
def test_has_a_stub(path):
    assert path.with_suffix(".pyi").is_file(), f"{shown(path)} has no .pyi"


@pytest.mark.parametrize("path", FAST, ids=lambda path: path.stem)
def test_is_listed_in_setup_py(path):
    listed = re.search(r"MODULES = \[(.*?)\]", (ROOT / "setup.py").read_text(), re.S)[1]
    assert f'"{path.stem}"' in listed


@pytest.mark.parametrize("path", FAST, ids=lambda path: path.stem)
def test_is_compared_with_an_oracle(path):
    texts = [test.read_text() for test in files(".py", under="tests")]
    wanted = f"gateway._fast.{path.stem}"
    short = re.compile(rf"from gateway\._fast import [^\n]*\b{path.stem}\b")
    users = [text for text in texts if "tests.oracles" in text and (wanted in text or short.search(text))]
    assert users, f"no test imports both {wanted} and an oracle of tests/oracles"
