"""Import of zstd (RFC 8878): the standard library's module, or the package that stands in for it."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any


@cache
def module() -> Any:
    """The standard library's since Python 3.14, before that its backport."""
    # PERF: kept, since a module that is not there is looked for anew each time (200 us; perf/scenarios/compress.toml).
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
