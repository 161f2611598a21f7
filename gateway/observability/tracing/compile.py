"""From `observability.tracing` and `server_timing` to steps, and what else has to be noted of a request."""

from __future__ import annotations

from dataclasses import replace

from gateway._fast.trace_context import Watched
from gateway.contracts import Step, Steps
from gateway.policies.server_timing import policy as server_timing
from gateway.routing.model import Document
from gateway.upstream.compile import RuntimeResources

#: the steps that may ask a store or a server before a request goes on
_ASKING = frozenset(("limit-preflight", "limit", "identity", "session", "limit-client", "idempotency"))


class Tracing:
    """What one plan does for traces; nothing where they are off."""

    def __init__(self, document: Document, resources: RuntimeResources) -> None:
        self.steps: tuple[Step, ...] = ()
        spec = document.tracing
        self._is_on = spec is not None
        if spec is not None:
            made = resources.traces.compile(spec) if resources.traces else Steps()
            self.steps = (Step("trace", spec.where, made),)
        if document.server_timing:
            self.steps += (Step("server-timing", document.server.where, server_timing.compile()),)

    def watching(self, line: tuple[Step, ...]) -> tuple[Step, ...]:
        """The same steps; what those that may ask somebody do is noted."""
        return tuple(map(self._watched, line)) if self._is_on else line

    def _watched(self, step: Step) -> Step:
        hook = step.steps.on_request
        if hook is None or step.name not in _ASKING:
            return step
        return replace(step, steps=replace(step.steps, on_request=Watched(step.name, hook)))
