"""JMESPath expressions: what to take out of a JSON value, and in which form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

#: nodes of which only the first child looks at the value that is given, the others at what that one found
_STEPS: Final = frozenset(
    ("filter_projection", "flatten", "index_expression", "pipe", "projection", "subexpression", "value_projection")
)
#: characters; what is longer is a program and belongs into a service
LONGEST: Final = 2000

Expression = Callable[[Any], Any]


class ExpressionError(ValueError):
    """What is no expression; the text says why, for who wrote it."""


def compile(text: str) -> Expression:
    """A function of a JSON value; None where the expression finds nothing. Raises ExpressionError.

    The function raises ValueError where a function of JMESPath is given what it does not take.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"the expression has {len(text)} characters; at most {LONGEST} are taken")
    if text.isidentifier():
        return lambda value: value.get(text) if isinstance(value, dict) else None
    import jmespath  # PERF: for configurations that have any
    from jmespath.exceptions import JMESPathError
    from jmespath.visitor import TreeInterpreter

    try:
        parsed = jmespath.compile(text)
    except JMESPathError as error:
        raise ExpressionError(str(error).partition("\n")[0]) from None
    # PERF: its own `search` makes an interpreter for each value, a cycle that only the collector takes away.
    visit = TreeInterpreter().visit
    # NOTE: JMESPathError is a ValueError; a value nested too deep raises RecursionError, which no body here is.
    return lambda value: visit(parsed.parsed, value)


def members(text: str) -> frozenset[str]:
    """The members of an object that an expression asks for. Raises ExpressionError."""
    compile(text)
    if text.isidentifier():
        return frozenset((text,))
    import jmespath

    return frozenset(_members(jmespath.compile(text).parsed))


def _members(node: Any) -> Iterator[str]:
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield node["value"]
    elif kind in _STEPS:
        yield from _members(children[0])
    elif kind not in ("expref", "slice"):
        for child in children:
            yield from _members(child)
