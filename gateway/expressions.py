"""JMESPath expressions: what to take out of a JSON value, and in which form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

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

    try:
        parsed = jmespath.compile(text)
    except JMESPathError as error:
        raise ExpressionError(str(error).partition("\n")[0]) from None
    # NOTE: JMESPathError is a ValueError; a value nested too deep raises RecursionError, which no body here is.
    search: Expression = parsed.search
    return search
