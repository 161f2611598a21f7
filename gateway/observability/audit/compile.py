"""Compilation of the audit log: the step that records denied access."""

from __future__ import annotations

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import Step, Steps


class AuditCompiler(Compiler):
    """Makes the step `audit`."""

    def __init__(self, context: CompileContext) -> None:
        document, denials = context.document, context.resources.denials
        spec = document.audit
        try:
            if denials is not None:
                denials.check(spec)
        except OSError as error:
            words = f"{spec and spec.to} cannot be written: {error.strerror}"
            context.report(f"{document.file}:1", "audit.to", words)
        steps = denials.steps if denials else Steps()
        self._steps = () if spec is None else (Step("audit", spec.where, steps),)

    def steps(self, route: Route) -> tuple[Step, ...]:
        """The step of a route."""
        return self._steps

    def bare(self, name: str) -> tuple[Step, ...]:
        """The step of what reaches no route."""
        return self._steps
