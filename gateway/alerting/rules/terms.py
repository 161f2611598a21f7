"""Terms of a parsed expression: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.alerting.rules.signals import Unit

Operator = Literal[">", ">=", "<", "<=", "==", "!="]


@dataclass(frozen=True, slots=True)
class Call:
    """One signal with its arguments; `column` counts from 0 within the expression."""

    signal: str
    unit: Unit
    window: float = 0.0
    route: str | None = None
    upstream: str | None = None
    limit: float = 0.0
    column: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number; a duration in seconds, a share as 0 to 1, a size in bytes."""

    value: float
    unit: Unit
    text: str
    column: int = 0


Operand = Call | Quantity


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands of one unit."""

    left: Operand
    operator: Operator
    right: Operand


@dataclass(frozen=True, slots=True)
class Flag:
    """A signal that is yes or no."""

    call: Call


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    term: Term


@dataclass(frozen=True, slots=True)
class And:
    """All of these."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of these."""

    terms: tuple[Term, ...]


Term = Comparison | Flag | Not | And | Or


def calls(term: Term) -> tuple[Call, ...]:
    """Every signal that a term asks for, in their order."""
    if isinstance(term, Comparison):
        return tuple(each for each in (term.left, term.right) if isinstance(each, Call))
    if isinstance(term, Flag):
        return (term.call,)
    if isinstance(term, Not):
        return calls(term.term)
    return tuple(call for each in term.terms for call in calls(each))
