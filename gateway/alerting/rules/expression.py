"""The language of rules: `error_rate(5m) > 2% and requests(5m) > 10/s`.

expression   one or more, joined by `or`; `and` binds closer, `not` closest; brackets
comparison   SIGNAL or QUANTITY, one of > >= < <= == !=, SIGNAL or QUANTITY
signal       name, or name(argument, …): a window such as 5m, route=NAME, upstream=NAME
quantity     2%, 250ms, 14d, 64MB, 100/s, 0.5
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, cast

from gateway.alerting.rules.arguments import ExpressionError, call, quantity
from gateway.alerting.rules.terms import And, Call, Comparison, Flag, Not, Operand, Operator, Or, Quantity, Term

__all__ = ["ExpressionError", "parse"]

LONGEST_TEXT: Final = 2000
DEEPEST: Final = 16
_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<number>[0-9]+(?:\.[0-9]+)?(?:/(?:s|m|h|d)|[A-Za-z%]+)?(?![\w.]))
    | (?P<operator>>=|<=|==|!=|>|<)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<open>\() | (?P<close>\))
    )""",
    re.X,
)
_WORDS: Final = frozenset({"and", "or", "not"})


def parse(text: str) -> Term:
    """The term that a text says. Raises ExpressionError with a column."""
    if len(text) > LONGEST_TEXT:
        raise ExpressionError(0, f"the expression has more than {LONGEST_TEXT:,} characters")
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> Term:
        term = self._joined("or")
        kind, word, column = self._peek()
        if kind:
            raise ExpressionError(column, f"expected `and`, `or` or the end, found {word!r}")
        return term

    def _joined(self, word: str) -> Term:
        """Terms with `or` between them, each of which may have `and` in it."""
        below: Callable[[], Term] = self._single if word == "and" else lambda: self._joined("and")
        terms = [below()]
        while self._peek()[1] == word:
            self._take()
            terms.append(below())
        if len(terms) == 1:
            return terms[0]
        return And(tuple(terms)) if word == "and" else Or(tuple(terms))

    def _single(self) -> Term:
        kind, word, column = self._peek()
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError(column, f"there are more than {DEEPEST} terms inside each other")
        try:
            if word == "not":
                self._take()
                return Not(self._single())
            if kind == "open":
                self._take()
                term = self._joined("or")
                self._expect_close()
                return term
            return self._comparison()
        finally:
            self._depth -= 1

    def _expect_close(self) -> None:
        kind, word, column = self._peek()
        if kind != "close":
            raise ExpressionError(column, f"expected `)`, found {_found(word)}")
        self._take()

    def _comparison(self) -> Term:
        left = self._operand()
        kind, word, column = self._peek()
        if kind != "operator":
            if isinstance(left, Call) and left.unit == "flag":
                return Flag(left)
            raise ExpressionError(column, f"expected one of > >= < <= == !=, found {_found(word)}")
        self._take()
        right = self._operand()
        if isinstance(left, Quantity) and isinstance(right, Quantity):
            raise ExpressionError(left.column, "a comparison of two numbers is always the same", "name a signal")
        if left.unit == "flag" or right.unit == "flag":
            name = next(each.text for each in (left, right) if each.unit == "flag")
            raise ExpressionError(left.column, f"`{name}` is yes or no", f"write `{name}` or `not {name}`")
        _check_units(left, right)
        return Comparison(left, cast("Operator", word), right)

    def _operand(self) -> Operand:
        kind, word, column = self._peek()
        if kind == "number":
            self._take()
            return quantity(word, column)
        if kind == "name" and word not in _WORDS:
            self._take()
            found, self._at = call(self._text, word, column, self._at)
            return found
        raise ExpressionError(column, f"expected a signal such as error_rate(5m), found {_found(word)}")

    def _peek(self) -> tuple[str, str, int]:
        """(kind, text, column) of the next token; kind "" at the end."""
        found = _TOKEN.match(self._text, self._at)
        if found is not None:
            kind = str(found.lastgroup)
            return kind, found[kind], found.start(kind)
        rest = self._text[self._at :]
        column = self._at + len(rest) - len(rest.lstrip())
        if not rest.strip():
            return "", "", column
        word = re.match(r"[\w.%/]+|.", rest.strip(), re.S)
        raise ExpressionError(column, f"{word[0] if word else rest.strip()[0]!r} is not understood here")

    def _take(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        assert found is not None
        self._at = found.end()


def _found(word: str) -> str:
    return repr(word) if word else "the end"


_EXAMPLES: Final = {"share": "2%", "duration": "250ms", "rate": "100/s", "size": "64MB"}


def _check_units(left: Operand, right: Operand) -> None:
    """Complain about apples and pears; a bare number is taken for what has no other unit, and for rates."""
    if left.unit == right.unit:
        return
    if isinstance(right, Quantity) and right.unit == "number" and left.unit == "rate":
        return
    if isinstance(left, Quantity) and left.unit == "number" and right.unit == "rate":
        return
    wrong, other = (left, right) if isinstance(left, Quantity) else (right, left)
    message = f"`{wrong.text}` cannot be compared with `{other.text}`"
    raise ExpressionError(wrong.column, message, f"such as {_EXAMPLES.get(other.unit, '0.5')}")
