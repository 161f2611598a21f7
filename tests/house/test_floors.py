"""The compiled modules stand on the ground; all other floors are checked by lint-imports."""

import re

from tests.house.tree import files, shown

FAST_IMPORT = re.compile(r"^\s*(?:from|import|cimport)\s+(gateway[\w.]*)")


def test_fast_modules_import_nothing_of_gateway():
    found = []
    for path in files(".pyx", ".pxd", ".pxi", under="gateway/_fast"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            name = FAST_IMPORT.match(line)
            if name and not name[1].startswith("gateway._fast"):
                found.append(shown(path, number))
    assert not found
