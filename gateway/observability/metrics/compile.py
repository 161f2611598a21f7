"""Compilation of metrics: the step that counts requests."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import Step, Steps


class MetricsCompiler(Compiler):
    """Makes the step `meter` of each route; requests without a route count under ""."""

    def __init__(self, context: CompileContext) -> None:
        self._spec = context.document.metrics
        self._meter = context.resources.meter

    def steps(self, route: Route) -> Iterator[Step]:
        """The step of a route."""
        return self._counting(route.name)

    def bare(self, name: str) -> Iterator[Step]:
        """The step of what reaches no route."""
        return self._counting("")

    def _counting(self, route: str) -> Iterator[Step]:
        if self._spec.is_on:
            where = self._spec.where
            yield self._meter.step(route, where) if self._meter else Step("meter", where, Steps())
