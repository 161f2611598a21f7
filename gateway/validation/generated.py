"""The forms of what fastjsonschema generates: what its expressions ask, and how that is asked of what JSON can say."""

from __future__ import annotations

import ast
from types import MappingProxyType
from typing import Final

#: kinds of values; "whole" are the floats that are whole numbers, "float" all others
ALL_KINDS: Final = frozenset(("dict", "list", "str", "int", "bool", "float", "whole", "NoneType"))
_KINDS_OF: Final = MappingProxyType(
    {"int": ("int", "bool"), "float": ("float", "whole"), "tuple": (), "Decimal": (), **{
        name: (name,) for name in ("dict", "list", "str", "bool", "NoneType")
    }}
)  # fmt: skip
_TEXT_ONLY: Final = frozenset(("str",))


class Unknown(Exception):
    """Code of a form that is not known here."""


def expression(text: str) -> ast.expr:
    """The expression that a text is."""
    return ast.parse(text, mode="eval").body


def names_of(node: ast.expr) -> str | None:
    """The variable of `set(variable.keys())`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "set" and len(node.args) == 1:
        called = method_of(node.args[0])
        return called[0] if called and called[1] == "keys" else None
    return None


def method_of(node: ast.expr) -> tuple[str, str] | None:
    """(variable, method) of `variable.method(...)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        return node.func.value.id, node.func.attr
    return None


def missing_in(node: ast.expr) -> tuple[str, list[str]] | None:
    """(variable, names) of `set([names]) - variable.keys()`."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Sub) or not isinstance(node.left, ast.Call):
        return None
    called, names = method_of(node.right), node.left.args
    if called is None or called[1] != "keys" or len(names) != 1 or not isinstance(names[0], ast.List):
        return None
    return called[0], [str(ast.literal_eval(one)) for one in names[0].elts]


def member_in(node: ast.expr) -> tuple[str, str] | None:
    """(name, variable) of `"name" in variable`."""
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], ast.In):
        return None
    name, of = node.left, node.comparators[0]
    if isinstance(name, ast.Constant) and isinstance(name.value, str) and isinstance(of, ast.Name):
        return name.value, of.id
    return None


def tested_name(node: ast.expr) -> str | None:
    """The one variable of whose type an expression asks, and nothing else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return tested_name(node.operand)
    if isinstance(node, ast.BoolOp):
        names = {tested_name(one) for one in node.values}
        return names.pop() if len(names) == 1 else None
    if (called := method_of(node)) and called[1] == "is_integer":
        return called[0]
    if _tested_types(node) is None or not isinstance(node, ast.Call) or not isinstance(node.args[0], ast.Name):
        return None
    return node.args[0].id


def _tested_types(node: ast.expr) -> frozenset[str] | None:
    """The kinds that `isinstance(variable, types)` is true for."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"):
        return None
    types = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
    names = [one.id if isinstance(one, ast.Name) else "" for one in types]
    if not all(name in _KINDS_OF for name in names):
        return None
    return frozenset(kind for name in names for kind in _KINDS_OF[name])


def holds(node: ast.expr, kind: str) -> bool:
    """Whether an expression that has an `tested_name` is true for a value of this kind."""
    if isinstance(node, ast.UnaryOp):
        return not holds(node.operand, kind)
    if isinstance(node, ast.BoolOp):
        every = all if isinstance(node.op, ast.And) else any
        return every(holds(one, kind) for one in node.values)
    types = _tested_types(node)
    return kind == "whole" if types is None else kind in types


def spelled(name: str, kinds: frozenset[str], known: frozenset[str]) -> str:
    """The question whether a variable, which has one of the `known` kinds, has one of `kinds`."""
    others = known - kinds
    if len(others) < len(kinds):
        return f"not ({_is_one_of(name, others)})"
    return _is_one_of(name, kinds)


def _is_one_of(name: str, kinds: frozenset[str]) -> str:
    words = [f"type({name}) is {kind}" for kind in ("str", "int", "dict", "list", "bool") if kind in kinds]
    if {"float", "whole"} <= kinds:
        words.append(f"type({name}) is float")
    elif "whole" in kinds:
        words.append(f"(type({name}) is float and {name}.is_integer())")
    elif "float" in kinds:
        words.append(f"(type({name}) is float and not {name}.is_integer())")
    if "NoneType" in kinds:
        words.append(f"{name} is None")
    return " or ".join(words)


class Spelled(ast.NodeTransformer):
    """Asks of texts whether they are among some in one go: what is equal to a text is one."""

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """As ast.NodeTransformer has it."""
        pairs = [_tested_text(one) for one in (node.values if isinstance(node.op, ast.Or) else [node])]
        names = {pair[0] for pair in pairs if pair is not None}
        if None in pairs or len(names) != 1:
            return node
        texts = [pair[1] for pair in pairs if pair is not None]
        return expression(f"{names.pop()} in ({''.join(f'{text!r}, ' for text in texts)})")


def _tested_text(node: ast.expr) -> tuple[str, str] | None:
    """(variable, text) of `isinstance(variable, str) and variable == "text"`."""
    if not isinstance(node, ast.BoolOp) or not isinstance(node.op, ast.And) or len(node.values) != 2:
        return None
    asked, compared = node.values
    if (
        _tested_types(asked) != _TEXT_ONLY
        or not isinstance(compared, ast.Compare)
        or not isinstance(compared.left, ast.Name)
    ):
        return None
    text = compared.comparators[0]
    if len(compared.ops) != 1 or not isinstance(compared.ops[0], ast.Eq) or not isinstance(text, ast.Constant):
        return None
    if not isinstance(text.value, str) or tested_name(asked) != compared.left.id:
        return None
    return compared.left.id, text.value


class Unused(ast.NodeTransformer):
    """Leaves out lengths that are not among the names that are read, and what is empty without them."""

    def __init__(self, read: set[str]) -> None:
        self._read = read

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | None:
        """As ast.NodeTransformer has it."""
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name) and target.id not in self._read and isinstance(value, ast.Call):
            return None if isinstance(value.func, ast.Name) and value.func.id == "len" else node
        return node

    def visit_If(self, node: ast.If) -> ast.stmt | None:
        """As ast.NodeTransformer has it."""
        self.generic_visit(node)
        if not node.body and node.orelse:
            node.body = [ast.Pass()]
        return node if node.body else None

    def visit_For(self, node: ast.For) -> ast.stmt | None:
        """As ast.NodeTransformer has it."""
        self.generic_visit(node)
        return node if node.body else None

    def visit_Try(self, node: ast.Try) -> ast.stmt:
        """As ast.NodeTransformer has it."""
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node
