"""Compilation of `cors`."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from gateway.config.compiling import CompileContext, Compiler, ReportedOnce
from gateway.config.model import Route
from gateway.contracts import Step, Tools
from gateway.policies.cors import policy


class CorsCompiler(Compiler):
    """Makes the step `cors`; what reaches no route has that of `defaults`."""

    def __init__(self, context: CompileContext) -> None:
        self._entries = {each.name: each for each in context.document.cors}
        self._default = context.document.defaults.cors
        self._reporting = ReportedOnce(context.report)

    def steps(self, route: Route) -> Iterator[Step]:
        """The step of a route."""
        return self._step(route.cors, route.match.methods, route.name)

    def bare(self, name: str) -> Iterator[Step]:
        """The step of what reaches no route."""
        return self._step(self._default, (), name)

    def _step(self, entry: str | None, methods: tuple[str, ...], route: str) -> Iterator[Step]:
        spec = self._entries.get(entry or "")
        if spec is not None:
            with self._reporting(spec.where, f"cors.{spec.name}"):
                tools = Tools(route, monotonic, lambda message: None)
                yield Step("cors", spec.where, policy.compile(spec, methods, tools))
