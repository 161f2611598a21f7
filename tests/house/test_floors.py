"""Which room stands on which floor. The imports themselves are checked by lint-imports."""

import re
import tomllib

import grimp

from tests.house.tree import ROOT, files, shown

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
PACKAGES = {"gateway", "gateway.config", "gateway.config.sections"}
FAST_IMPORT = re.compile(r"^\s*(?:from|import|cimport)\s+(gateway[\w.]*)")


def module(path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def test_every_module_stands_on_a_floor():
    layers = next(contract["layers"] for contract in CONTRACTS if contract["name"] == "floors")
    rooms = {name for layer in layers for name in re.findall(r"[\w.]+", layer)}
    # What the document is read with is part of its room: an import of theirs is one of its own to lint-imports.
    parts = grimp.build_graph("gateway").find_upstream_modules("gateway.config.document")
    homeless = [
        name
        for name in map(module, files(".py", under="gateway"))
        if name not in PACKAGES | parts and not any(f"{name}.".startswith(f"{room}.") for room in rooms)
    ]
    assert not homeless, "name them in a layer of pyproject.toml's floors"


def test_fast_modules_import_nothing_of_gateway():
    found = []
    for path in files(".pyx", ".pxd", ".pxi", under="gateway/_fast"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            name = FAST_IMPORT.match(line)
            if name and not name[1].startswith("gateway._fast"):
                found.append(shown(path, number))
    assert not found
