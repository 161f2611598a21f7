"""Stacks as samplers write them, each folded into a tuple of frames, outermost first, with how often it was seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from perf.profiling.tables import readable

Stack = tuple[str, ...]
Stacks = Counter[Stack]

#: of every greenlet's stack, and of none of its work
START = re.compile(r"greenlet::|green_switch|single_result|thread_run|0x[0-9a-f]+ |\[unknown\]")
ADDRESS = re.compile(r"0x[0-9a-f]+ ")
BUILT = re.compile(r"\.(?:cpython-\w+-[\w-]+|abi3)\.so\)$")
LINE = re.compile(r":\d+\)$")
WAITS = ("lock_PyThread_acquire_lock ", "PyThread_acquire_lock_timed ", "epoll_wait ")
PERF_FRAME = re.compile(r"\s+[0-9a-f]+ (.+?)(?:\+0x[0-9a-f]+)? \((.+)\)$")
PLACE = re.compile(r".*/(?:site-packages|lib|bin)/|.*/(?=gateway/)")


def of_py_spy(text: str) -> tuple[Stacks, int]:
    """(the stacks of `py-spy record --native --format raw`, how many more samples were of a thread that waited)."""
    stacks: Stacks = Counter()
    waited = 0
    for line in text.splitlines():
        frames, _, times = line.rpartition(" ")
        stack = frames.split(";")
        if any(frame.startswith(WAITS) for frame in stack):
            waited += int(times)
        elif found := _tidy(stack):
            stacks[found] += int(times)
    return stacks, waited


def of_perf(text: str) -> Stacks:
    """The stacks of `perf script -F comm,tid,ip,sym,dso`: a line for the thread, then its frames, innermost first."""
    stacks: Stacks = Counter()
    for sample in text.split("\n\n"):
        found = [PERF_FRAME.match(line) for line in sample.splitlines()]
        if stack := _tidy([f"{readable(each[1])} ({_place(each[2])})" for each in reversed(found) if each]):
            stacks[stack] += 1
    return stacks


def _place(binary: str) -> str:
    return "kernel" if binary.startswith("[kernel") else PLACE.sub("", binary)


def _tidy(stack: list[str]) -> Stack:
    """Without a greenlet's start, bare addresses, line numbers, and the ABI in the name of what is compiled."""
    first = next((at for at, frame in enumerate(stack) if not START.match(frame)), len(stack))
    kept = (frame for frame in stack[first:] if not ADDRESS.match(frame))
    return tuple(LINE.sub(")", BUILT.sub(")", frame)) for frame in kept)


def kind(frame: str) -> str:
    """What a frame is: `fast`, `python`, `interpreter`, `kernel` or `native`, any other compiled thing."""
    where = frame.rpartition("(")[2].rstrip(")")
    if where.startswith("gateway/_fast"):
        return "fast"
    if where == "kernel":
        return "kernel"
    if where.startswith(("libpython", "python3")):
        return "interpreter"
    return "python" if where.endswith(".py") or frame.startswith("<") else "native"


def own(stacks: Stacks) -> Counter[str]:
    """Samples by innermost frame."""
    return _by(stacks, lambda stack: stack[-1:])


def within(stacks: Stacks) -> Counter[str]:
    """Samples by every frame they were in."""
    return _by(stacks, set)


def _by(stacks: Stacks, of: Callable[[Stack], Iterable[str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for stack, times in stacks.items():
        for frame in of(stack):
            found[frame] += times
    return found
