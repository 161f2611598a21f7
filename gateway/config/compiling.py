"""Interface between the compilation of a Document and the features that take part in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from gateway.config.model import Document, Route
from gateway.config.resources import RuntimeResources
from gateway.contracts import Fetch, RoutePlan, Step

#: the step that edits every answer on its last yards, refusals of earlier steps included; the last one of a bare line
FINAL = "response-headers"
#: seconds for an exchange that has no upstream of its own to bound it
NO_UPSTREAM_TOTAL = 60.0


class Report(Protocol):
    """Takes a mistake that needs more than the document itself; `where` is "file:line"."""

    def __call__(self, where: str, path: str, message: str, hint: str = "") -> None:
        """Note it; the plan is refused when all are known."""


@dataclass(frozen=True, slots=True)
class CompileContext:
    """What a feature's compiler gets; `compilers` are those of the features before it, by name."""

    document: Document
    resources: RuntimeResources
    report: Report
    compilers: dict[str, Any] = field(default_factory=dict)


class ReportedOnce:
    """Reports ValueErrors of what is compiled for several routes: each mistake once."""

    __slots__ = ("_report", "_reported")

    def __init__(self, report: Report) -> None:
        self._report = report
        self._reported: set[tuple[str, str, str]] = set()

    @contextmanager
    def __call__(self, where: str, path: str) -> Iterator[None]:
        """Report a ValueError that is raised within, at `where` ("file:line") and `path`."""
        try:
            yield
        except ValueError as error:
            found = where, path, str(error)
            if found not in self._reported:
                self._reported.add(found)
                self._report(*found)


class Handled(NamedTuple):
    """The end of a route's line: what answers, seconds for the whole exchange, and the name of the upstream."""

    fetch: Fetch
    total: float
    upstream: str


class Compiler:
    """What one feature makes of one document.  A feature overrides what it takes part in; nothing else costs."""

    @property
    def kept(self) -> Iterable[object]:
        """What looks after itself while the plan serves."""
        return ()

    def own_routes(self) -> Iterable[Route]:
        """Routes that the feature serves itself on `bind`; `handle` has what answers them."""
        return ()

    def steps(self, route: Route) -> Iterable[Step]:
        """The steps of a route, in any order: features.ORDER has theirs."""
        return ()

    def bare(self, name: str) -> Iterable[Step]:
        """The steps of what reaches no route: `name` is "unmatched" or "refused"."""
        return ()

    def handle(self, route: Route) -> Handled | None:
        """What answers a route; None when that is not for this feature to say."""
        return None

    def handle_bare(self, name: str) -> Handled | None:
        """What answers "unmatched" or "refused"."""
        return None

    def line(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """The steps of a line in their order, each the same or another in its place."""
        return steps

    def around(self, plan: RoutePlan, route: Route, before: Sequence[str]) -> RoutePlan:
        """A whole route, or what takes its place; `before` names the steps that stand before `cache`."""
        return plan

    def plan(self) -> Mapping[str, Any]:
        """Fields of the Plan, by name."""
        return {}


MakeCompiler = Callable[[CompileContext], Compiler]
