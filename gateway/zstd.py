"""Where zstd (RFC 8878) comes from."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def module() -> Any:
    """The standard library's since Python 3.14, before that its backport."""
    # PERF: kept, since a module that is not there is looked for anew each time (200 us; perf/scenarios/compress.toml).
    try:
        from compression import zstd  # type: ignore[import-not-found]
    except ImportError:
        from backports import zstd
    return zstd
