"""Tuning of Python's garbage collector: it runs rarely."""

from __future__ import annotations

import gc
from typing import Final

#: objects that come before the collector looks at the young ones.  PERF: those of a few dozen requests under way are
#: more than Python's 700, and are looked at again and again to no end (perf scenario `bare`); so are those of modules
#: that are being imported, which takes a fifth of the time of a start (`cold-start`)
YOUNG: Final = 10_000


def tune_gc() -> None:
    """Have this process, and those that it forks, collect after `YOUNG` objects."""
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
