"""Evaluation of a term: yes, no, or unknown (None) where there is nothing to tell it by."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.alerting.rules.terms import And, Call, Comparison, Flag, Not, Operand, Quantity, Term

#: gives the value of a signal, None where nothing is known
Ask = Callable[[Call], float | None]

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`call` and `value` are those of the comparison that decided, `threshold` is what it was held against."""

    holds: bool | None
    value: float | None = None
    call: Call | None = None
    operator: str = ""
    threshold: float | None = None


def evaluate(term: Term, ask: Ask) -> Evaluation:
    """The verdict and what decided it. Kleene's logic: unknown is neither yes nor no."""
    if isinstance(term, Comparison):
        return _compared(term, ask)
    if isinstance(term, Flag):
        value = ask(term.call)
        return Evaluation(None if value is None else bool(value), value, term.call)
    if isinstance(term, Not):
        found = evaluate(term.term, ask)
        holds = None if found.holds is None else not found.holds
        return Evaluation(holds, found.value, found.call, found.operator, found.threshold)
    return _several([evaluate(each, ask) for each in term.terms], decider=not isinstance(term, And))


def _several(findings: list[Evaluation], *, decider: bool) -> Evaluation:
    """One `decider` decides; else one unknown makes it unknown; else all are the opposite."""
    for wanted in (decider, None):
        for found in findings:
            if found.holds is wanted:
                return found
    return findings[0]


def _compared(term: Comparison, ask: Ask) -> Evaluation:
    left, right = _value(term.left, ask), _value(term.right, ask)
    if left is None or right is None:
        call = term.left if isinstance(term.left, Call) else term.right
        return Evaluation(None, None, call if isinstance(call, Call) else None)
    holds = _OPERATORS[term.operator](left, right)
    if isinstance(term.left, Call):
        return Evaluation(holds, left, term.left, term.operator, right)
    assert isinstance(term.right, Call)
    return Evaluation(holds, right, term.right, _MIRRORED[term.operator], left)


_MIRRORED: Final = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}


def _value(operand: Operand, ask: Ask) -> float | None:
    return operand.value if isinstance(operand, Quantity) else ask(operand)
