"""From `idempotency` of a route to its step: the part of `compile` that knows where answers are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.config.compiling import CompileContext, Compiler
from gateway.config.model import Route
from gateway.contracts import Step, Steps

if TYPE_CHECKING:
    from gateway.policies.idempotency.answers import Answers


class IdempotencyCompiler(Compiler):
    """Makes the steps of one plan; without `answers` it serves nobody."""

    def __init__(self, context: CompileContext) -> None:
        self._answers = context.resources.answers
        self._kept: tuple[Answers, ...] = ()

    @property
    def kept(self) -> tuple[Answers, ...]:
        """The answers, where a route keeps any."""
        return self._kept

    def steps(self, route: Route) -> Iterator[Step]:
        """The steps of a route, where it asks for them: one that asks, and one that keeps what goes past.

        NOTE: `compress` is between the two, so what is kept is what any client takes.
        """
        spec = route.idempotency
        if spec is None:
            return
        from gateway.policies.idempotency import policy
        from gateway.policies.idempotency.ledger import Ledger  # PERF: for configurations that have any

        answers = self._answers or _offline()
        self._kept = (answers,)
        rules = policy.IdempotencyOptions(
            header=spec.header.lower(),
            methods=frozenset(spec.methods),
            is_required=spec.is_required,
            wait=spec.wait,
            max_body=spec.max_body,
            max_answer=spec.max_answer,
            is_lenient=spec.on_store_failure == "allow",
        )
        made = policy.compile(rules, Ledger(answers.store, spec.ttl))
        yield Step("idempotency", spec.where, Steps(on_request=made.on_request, on_close=made.on_close))
        yield Step("idempotency-answer", spec.where, Steps(on_response=made.on_response))


def _offline() -> Answers:
    """For plans that never serve (`check`, `explain`): a store that nobody asks."""
    from gateway.policies.idempotency.answers import Answers
    from gateway.state.memory_store import MemoryStore

    return Answers(MemoryStore(Path("/dev/null")))
