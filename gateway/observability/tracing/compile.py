"""From `observability.tracing` and `server_timing` to steps, and what else has to be noted of a request."""

from __future__ import annotations

from dataclasses import replace

from gateway._fast.trace_context import Watched
from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import Step, Steps
from gateway.observability import server_timing

#: the steps that may ask a store or a server before a request goes on
_ASKING = frozenset(("limit-preflight", "limit", "identity", "session", "limit-client", "idempotency"))


class TracingCompiler(Compiler):
    """Makes the steps `trace` and `server-timing`; nothing where they are off."""

    def __init__(self, context: CompileContext) -> None:
        document, traces = context.document, context.resources.traces
        self._steps: tuple[Step, ...] = ()
        spec = document.tracing
        self._is_on = spec is not None
        if spec is not None:
            self._steps = (Step("trace", spec.where, traces.compile(spec) if traces else Steps()),)
        if document.server_timing:
            self._steps += (Step("server-timing", document.server.where, server_timing.compile()),)

    def steps(self, route: Route) -> tuple[Step, ...]:
        """The steps of a route."""
        return self._steps

    def bare(self, name: str) -> tuple[Step, ...]:
        """The steps of what reaches no route."""
        return self._steps

    def line(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """The same steps; what those that may ask somebody do is noted."""
        return tuple(map(self._watched, steps)) if self._is_on else steps

    def _watched(self, step: Step) -> Step:
        hook = step.steps.on_request
        if hook is None or step.name not in _ASKING:
            return step
        return replace(step, steps=replace(step.steps, on_request=Watched(step.name, hook)))
