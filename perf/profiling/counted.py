"""Runs under callgrind, by its path, in the tree that is counted: `counted.py MARKS MODULE LAYOUT`.

Imports nothing of perf but the module's benches, so that it can count a tree that is older than itself.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import sys
from collections.abc import Callable
from itertools import repeat
from typing import Any

PER_LOOPS = 200  # of the loops a bench is timed with: the calls that are counted
MOST = 100
TIMES = 4  # each count
JUNK = 1234  # objects that lie in the way in each layout but the first


def loop(call: Callable[[], object], count: int) -> None:
    """So many calls."""
    for _ in repeat(None, count):
        call()


def calls(loops: int) -> tuple[int, int]:
    """How often a bench is called for each of its two counts."""
    few = min(MOST, max(1, loops // PER_LOOPS))
    return few, few * 2


def count(marks: Any, number: int, call: Callable[[], object], loops: int) -> None:
    """Dumps of few calls and of more, in turn: what they differ by is of calls alone.

    Where the interpreter keeps what it found of a type depends on addresses and on what came before, and two names in
    one place cost some 60 instructions with each call. So it has to find all places anew each time; the least counts.
    """
    few, more = calls(loops)
    for turn, many in enumerate((few, more) * TIMES):
        if turn % 2 == 0:
            sys._clear_type_cache()
            loop(call, more)
        marks.zero()
        loop(call, many)
        marks.dump(f"bench-{number}-{turn}".encode())


def main(marks: Any, module: str, layout: int) -> None:
    """Count all benches of a module; prints [[name, few, more], ...] in the order of the dumps."""
    in_the_way = [(object(), f"name-{number}") for number in range(layout * JUNK)]
    found = importlib.import_module(f"perf.micro.bench_{module}").benches()
    for _, call, loops in found:
        loop(call, sum(calls(loops)))  # warm: what the interpreter learns of code, and free lists
    gc.collect()
    gc.disable()
    marks.begin()
    for number, (_, call, loops) in enumerate(found):
        count(marks, number, call, loops)
    print(json.dumps([[name, *calls(loops)] for name, _, loops in found]))
    del in_the_way


if __name__ == "__main__":
    main(ctypes.CDLL(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
