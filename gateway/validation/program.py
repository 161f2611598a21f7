"""From the code that judges a value to a program for `gateway._fast.body_program`, statement by statement.

What a statement goes on with is known when it is written, so a block is written from its end.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from sys import intern
from typing import Any, Final

from gateway._fast.body_program import MOST_CONSTANTS, MOST_REGISTERS, ORDERS, STEPS
from gateway.validation.generated import Unknown, method_of

_TYPES: Final = {kind.__name__: kind for kind in (str, int, dict, list, bool, float)}
_OPERATORS: Final[Mapping[type[ast.cmpop], str]] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
#: up to here doubles hold every whole number
_EXACT: Final = 1 << 53
_NO, _YES = 0, 1
#: (what, to, of, arg, then, other)
Step = tuple[int, int, int, int, int, int]


def program(
    body: list[ast.stmt],
    argument: str,
    formats: Mapping[str, Callable[[Any], bool]],
    names: Mapping[str, frozenset[str]],
) -> tuple[list[Step], tuple[object, ...], int, int]:
    """What `Verdict` is made of, for a function of this body and argument; `names` are its sets. Raises Unknown."""
    writer = _Writer(body, argument, formats, names)
    start = writer.block(body, _NO)
    return writer.steps, tuple(writer.constants), start, writer.registers


class _Writer:
    """The steps so far; the first two say no and yes."""

    def __init__(
        self,
        body: list[ast.stmt],
        argument: str,
        formats: Mapping[str, Callable[[Any], bool]],
        names: Mapping[str, frozenset[str]],
    ) -> None:
        self.steps: list[Step] = [(STEPS[word], 0, 0, 0, 0, 0) for word in ("no", "yes")]
        self.constants: list[object] = []
        self._formats = formats
        self._names = names
        self._registers = {argument: 0}
        self._members: dict[tuple[str, str], int] = {}
        self._lengths = {each for one in body for node in ast.walk(one) if (each := _length_in(node))}

    @property
    def registers(self) -> int:
        """How many there are. Raises Unknown where they are too many."""
        if len(self._registers) > MOST_REGISTERS or len(self.constants) > MOST_CONSTANTS:
            raise Unknown
        return len(self._registers)

    def block(self, body: list[ast.stmt], then: int) -> int:
        """Where a block begins that goes on with `then`."""
        for one in reversed(body):
            then = self._statement(one, then)
        return then

    def _statement(self, node: ast.stmt, then: int) -> int:
        match node:
            case ast.Pass():
                return then
            case ast.Return(ast.Constant(bool(said))):
                return _YES if said else _NO
            case ast.If():
                return self._test(node.test, self.block(node.body, then), self.block(node.orelse, then))
            case ast.Assign([ast.Name(name)], ast.Subscript(ast.Name(of), ast.Constant(str(key)))):
                member = self._member(of, key)
                return self._step("load", then, of=self._register(of), to=self._register(name), arg=member)
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("len"), [ast.Name(of)])):
                return self._step("length", then, of=self._register(of), to=self._register(name))
            case ast.For(ast.Name(name), ast.Name(of), body, []):
                place = self._register(f"place in {of}")
                each = self._step("each", _NO, then, of=self._register(of), to=self._register(name), arg=place)
                what, to, of_, arg, _, out = self.steps[each]
                self.steps[each] = (what, to, of_, arg, self.block(body, each), out)
                return self._step("begin", each, to=place)
        raise Unknown

    def _test(self, node: ast.expr, then: int, other: int) -> int:
        match node:
            case ast.UnaryOp(ast.Not(), operand):
                return self._test(operand, other, then)
            case ast.BoolOp(ast.And(), values):
                for one in reversed(values):
                    then = self._test(one, then, other)
                return then
            case ast.BoolOp(ast.Or(), values):
                for one in reversed(values):
                    other = self._test(one, then, other)
                return other
            case ast.Compare(left, [operator], [right]):
                return self._compared(left, operator, right, then, other)
            case ast.Call(ast.Subscript(ast.Name("custom_formats"), ast.Constant(str(key))), [ast.Name(of)]):
                check = self._constant(self._formats[key])
                return self._step("format", then, other, of=self._register(of), arg=check)
        if (called := method_of(node)) and called[1] == "is_integer":
            return self._step("whole", then, other, of=self._register(called[0]))
        raise Unknown

    def _compared(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, then: int, other: int) -> int:
        match left, operator, right:
            case ast.Call(ast.Name("type"), [ast.Name(of)]), ast.Is(), ast.Name(kind) if kind in _TYPES:
                return self._step("type", then, other, of=self._register(of), arg=self._constant(_TYPES[kind]))
            case ast.Name(of), ast.Is(), ast.Constant(None):
                return self._step("none", then, other, of=self._register(of))
            case ast.Constant(str(key)), ast.In(), ast.Name(of):
                return self._step("in", then, other, of=self._register(of), arg=self._member(of, key))
            case ast.Constant(str(key)), ast.NotIn(), ast.Name(of):
                return self._step("in", other, then, of=self._register(of), arg=self._member(of, key))
            case ast.Name(of), ast.In(), ast.Tuple(values):
                texts = tuple(ast.literal_eval(one) for one in values)
                return self._step("among", then, other, of=self._register(of), arg=self._constant(texts))
            case ast.Call(ast.Attribute(ast.Name(of), "keys"), []), ast.LtE(), ast.Name(names) if names in self._names:
                known = self._constant(self._names[names])
                return self._step("known", then, other, of=self._register(of), arg=known)
            case ast.Name(of), _, _ if type(operator) in _OPERATORS:
                return self._ordered(of, ORDERS[_OPERATORS[type(operator)]], _whole(right), then, other)
        raise Unknown

    def _ordered(self, of: str, order: int, bound: int, then: int, other: int) -> int:
        if of not in self._lengths:
            return self._step("order", then, other, of=self._register(of), to=order, arg=self._constant(bound))
        if bound >= 1 << 31:
            raise Unknown
        return self._step("size", then, other, of=self._register(of), to=order, arg=bound)

    def _step(self, what: str, then: int, other: int = _NO, *, of: int = 0, to: int = 0, arg: int = 0) -> int:
        self.steps.append((STEPS[what], to, of, arg, then, other))
        return len(self.steps) - 1

    def _register(self, name: str) -> int:
        return self._registers.setdefault(name, len(self._registers))

    def _member(self, of: str, name: str) -> int:
        """The constant for a member of what a variable holds: one for all who ask for it."""
        if (of, name) not in self._members:
            self._members[of, name] = self._constant(intern(name))  # which the reader of bodies gives too
        return self._members[of, name]

    def _constant(self, value: object) -> int:
        self.constants.append(value)
        return len(self.constants) - 1


def _length_in(node: ast.AST) -> str | None:
    """The variable that a statement sets to a length."""
    match node:
        case ast.Assign([ast.Name(name)], ast.Call(ast.Name("len"), _)):
            return name
    return None


def _whole(node: ast.expr) -> int:
    """The whole number that a bound is. Raises Unknown."""
    try:
        bound = ast.literal_eval(node)
    except ValueError:
        raise Unknown from None
    if type(bound) is not int or abs(bound) > _EXACT:
        raise Unknown
    return bound
