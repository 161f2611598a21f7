"""The current plan of a worker, and its swap."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from gateway.config.model import Document
from gateway.contracts import Plan

log = logging.getLogger("gateway")

Pause = Callable[[], None]
OnSwap = Callable[[Plan | None, Plan, Document], None]
"""Called as (old plan or None, new plan, its document) once the new plan serves."""


class Compiler(Protocol):
    """What makes a Plan; calls `pause` after every few milliseconds of work."""

    def __call__(self, document: Document, *, pause: Pause | None = None) -> Plan:
        """The plan. Raises ConfigError, and leaves nothing behind when it does."""
        ...


class Store:
    """One worker's plan.  A request reads `current` once and keeps what it read; everything else hangs from that.

    `current` and `document` are there once a document was adopted (`is_loaded`).
    """

    __slots__ = ("_compiler", "_on_swap", "current", "document", "generation", "is_changing")
    current: Plan
    document: Document
    generation: int

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._on_swap: list[OnSwap] = []
        self.generation = 0
        self.is_changing = False

    @property
    def is_loaded(self) -> bool:
        """Whether there is a plan to serve."""
        return hasattr(self, "current")

    def on_swap(self, callback: OnSwap) -> None:
        """Have `callback` called after every swap; what it raises is logged, the swap stands."""
        self._on_swap.append(callback)

    def adopt(self, document: Document, generation: int, pause: Pause | None = None) -> bool:
        """Compile beside what serves, then swap; whether there was anything to do.  On any error all is as before."""
        return self.adopt_from(lambda: document, generation, pause)

    def adopt_from(self, read: Callable[[], Document], generation: int, pause: Pause | None = None) -> bool:
        """The same with a document that is yet to be read."""
        with self.changing():
            document = read()
            if self.is_same(document):
                self.generation = generation
                return False
            self.swap(self.compile(document, pause), document, generation)
        return True

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Around reading and compiling a document: `is_changing` keeps others from it, the garbage collector rests.

        PERF: with ten thousand routes one full collection holds the hub for over 100 ms.  So a plan is built without
        any, and is then put where none looks (tests/unit/config/test_reload_convergence.py).
        NOTE: plans go by reference counts alone.  What else is alive at a swap does too, hence the collection before.
        """
        enabled = gc.isenabled()
        self.is_changing = True
        if self.is_loaded:
            gc.collect()  # quick: the plan that serves is not looked at
        gc.disable()
        try:
            yield
        finally:
            gc.freeze()
            if enabled:
                gc.enable()
            self.is_changing = False

    def is_same(self, document: Document) -> bool:
        """Whether what serves says the same as `document`."""
        return self.is_loaded and self.document.version == document.version

    def compile(self, document: Document, pause: Pause | None = None) -> Plan:
        """The plan of a document; what serves is left alone."""
        return self._compiler(document, pause=pause)

    def swap(self, plan: Plan, document: Document, generation: int) -> None:
        """Serve `plan` from the next request on."""
        old = self.current if self.is_loaded else None
        self.document = document
        self.generation = generation
        self.current = plan  # the swap: one store
        for callback in self._on_swap:
            try:
                callback(old, plan, document)
            except Exception:
                log.exception("after the swap to plan %s", plan.version)
