"""A program for a verdict, run the slow and obvious way."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from gateway._fast.body_program import ORDERS, STEPS

NAMES = {number: name for name, number in STEPS.items()}
COMPARED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
BY_NUMBER = {number: COMPARED[sign] for sign, number in ORDERS.items()}
#: a question: (the value, the constant) -> yes or no
QUESTIONS: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, kind: type(value) is kind,
    "none": lambda value, _: value is None,
    "whole": lambda value, _: value.is_integer(),
    "in": lambda value, name: name in value,
    "among": lambda value, texts: value in texts,
    "known": lambda value, names: value.keys() <= names,
    "format": lambda value, check: bool(check(value)),
}


def judged(steps: list[tuple[int, ...]], constants: tuple[Any, ...], start: int, value: Any) -> bool:
    held: dict[int, Any] = {0: value}
    counts: dict[int, int] = {}
    at = start
    while True:
        what, to, of, arg, then, other = steps[at]
        name, said = NAMES[what], True
        if name in ("yes", "no"):
            return name == "yes"
        if name == "load":
            held[to] = held[of][constants[arg]]
        elif name == "length":
            counts[to] = len(held[of])
        elif name == "begin":
            counts[to] = 0
        elif name == "each":
            said = counts[arg] < len(held[of])
            if said:
                held[to] = held[of][counts[arg]]
                counts[arg] += 1
        elif name == "size":
            said = BY_NUMBER[to](counts[of], arg)
        elif name == "order":
            said = BY_NUMBER[to](held[of], constants[arg])
        else:
            said = QUESTIONS[name](held[of], constants[arg] if name not in ("none", "whole") else None)
        at = then if said else other
