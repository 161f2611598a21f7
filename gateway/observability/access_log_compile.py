"""Compilation of the access log: the step that every route shares."""

from __future__ import annotations

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import Step, Steps


class AccessLogCompiler(Compiler):
    """Makes the step `log`.

    SECURITY: the log hides credentials by their names, and header values that a match compares but for secret ones.
    """

    def __init__(self, context: CompileContext) -> None:
        self._steps: tuple[Step, ...] = ()
        document, logs = context.document, context.resources.logs
        spec = document.access_log
        if spec.format == "off":
            return
        matches = [route.match for route in document.routes]
        names = {name for match in matches for name, _ in match.headers if name not in match.hidden}
        secrets = {each.name for provider in document.providers for each in provider.credentials()}
        try:
            steps = logs.compile(spec, names, secrets) if logs else Steps()
        except OSError as error:
            words = f"{spec.to} cannot be written: {error.strerror}"
            context.report(spec.where, "observability.access_log.to", words)
            return
        self._steps = (Step("log", spec.where, steps),)

    def steps(self, route: Route) -> tuple[Step, ...]:
        """The step of a route."""
        return self._steps

    def bare(self, name: str) -> tuple[Step, ...]:
        """The step of what reaches no route."""
        return self._steps
