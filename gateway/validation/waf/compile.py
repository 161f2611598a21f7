"""From `sanitize` to the step `screen`: the part of `compile` about requests that look like an attack."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import Step
from gateway.validation.waf.options import Sanitize

STEP = "screen"


class WafCompiler(Compiler):
    """Makes the steps of one plan."""

    def __init__(self, context: CompileContext) -> None:
        self._most = context.document.server.limits.body

    def steps(self, route: Route) -> Iterator[Step]:
        """The step of a route, none where nothing is screened."""
        spec = route.sanitize
        if spec is None:
            return
        from gateway.validation.waf import policy as screen  # PERF: for configurations that have any
        from gateway.validation.waf.decision import WafRules

        rules = WafRules(
            route=route.name,
            blocks=_rules(spec, "block"),
            logs=_rules(spec, "log"),
            parts=spec.parts,
            excepted=frozenset(spec.excepted),
            max_body=min(spec.max_body, self._most),
        )
        yield Step(STEP, spec.where, screen.compile(rules))


def _rules(spec: Sanitize, mode: str) -> frozenset[str]:
    return frozenset(rule for rule, its in spec.modes if its == mode)
