"""Code of fastjsonschema, without what is done twice or for words that nobody reads.

Its code takes any object of Python's; a value here is what JSON can say, of these types and of none derived from them.
So a type that was seen need not be asked for again, a set of an object's names need not be made to look one up, and a
"no" needs no words: they are jsonschema-rs's.  Whatever has not the form that is known here stays as it was generated.
tests/unit/validating/test_tightened.py holds the two against each other.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, Final

from gateway._fast.body_program import Verdict
from gateway.validation.generated import (
    ALL_KINDS,
    Spelled,
    Unknown,
    Unused,
    expression,
    holds,
    member_in,
    method_of,
    missing_in,
    names_of,
    spelled,
    tested_name,
)
from gateway.validation.program import program

_REFUSED: Final = "JsonSchemaValueException"


def tighten(code: str, formats: dict[str, Callable[[Any], bool]]) -> Callable[[Any], bool]:
    """What the function in `code` says of its argument: whether it fits. Raises Unknown."""
    module, made, names = tightened(code)
    try:
        return Verdict(*program(made.body, made.args.args[0].arg, formats, names))
    except Unknown:  # such as alternatives, where an exception decides: Python does what the program cannot
        return executed(module, made, {"custom_formats": formats, **names})


def executed(module: ast.Module, made: ast.FunctionDef, state: dict[str, Any]) -> Callable[[Any], bool]:
    """The function `made` of a module as Python runs it; `state` are the names that it finds."""
    exec(compile(ast.fix_missing_locations(module), "<schema>", "exec"), state)  # noqa: S102 - translated from a schema
    function: Callable[[Any], bool] = state[made.name]
    return function


def tightened(code: str) -> tuple[ast.Module, ast.FunctionDef, dict[str, frozenset[str]]]:
    """The module in `code`, the one function in it, and the sets of names that this asks for. Raises Unknown."""
    module = ast.parse(code)
    functions = [one for one in module.body if isinstance(one, ast.FunctionDef)]
    if len(functions) != 1:
        raise Unknown
    made = functions[0]
    made.args = ast.arguments(posonlyargs=[], args=[ast.arg("data")], kwonlyargs=[], kw_defaults=[], defaults=[])
    made.body = _Silent().block(made.body)
    tightener = _Tightener(made)
    made.body = _without_unused(tightener.block(made.body, _Facts({}, frozenset())))
    if tightener.dropped & {one.id for one in ast.walk(made) if isinstance(one, ast.Name)}:
        raise Unknown
    return module, made, tightener.names


class _Silent(ast.NodeTransformer):
    """Gives False in the place of what is raised; what is caught again is raised without words."""

    def __init__(self) -> None:
        self._tried = 0

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [self.visit(one) for one in body]

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        return ast.parse(f"raise {_REFUSED}('')").body[0] if self._tried else ast.Return(ast.Constant(False))

    def visit_Return(self, node: ast.Return) -> ast.stmt:
        return ast.Return(ast.Constant(True))

    def visit_Try(self, node: ast.Try) -> ast.stmt:
        self._tried += 1
        node.body = self.block(node.body)
        self._tried -= 1
        node.orelse = self.block(node.orelse)
        return node


class _Facts:
    """What is known at one place: the kinds that variables have, and members that are there."""

    def __init__(self, kinds: dict[str, frozenset[str]], present: frozenset[tuple[str, str]]) -> None:
        self.kinds = kinds
        self.present = present

    def copy(self, **known: frozenset[str]) -> _Facts:
        return _Facts({**self.kinds, **known}, self.present)

    def forget(self, name: str) -> None:
        self.kinds.pop(name, None)
        self.present = frozenset(pair for pair in self.present if pair[0] != name)


class _Tightener:
    """Goes through the statements in their order; `dropped` are the variables that are not made any more."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self.dropped: set[str] = set()
        self.names: dict[str, frozenset[str]] = {}
        self._flags: dict[str, ast.expr] = {}
        self._missing: dict[str, tuple[str, list[str]]] = {}
        self._sets = dict(_sets_of_names(function))

    def block(self, body: list[ast.stmt], facts: _Facts) -> list[ast.stmt]:
        return [made for one in body for made in self._one(one, facts)]

    def _one(self, node: ast.stmt, facts: _Facts) -> list[ast.stmt]:
        if isinstance(node, ast.If):
            return self._if(node, facts)
        if isinstance(node, ast.For):
            return self._for(node, facts)
        if isinstance(node, ast.Try):
            node.body = self.block(node.body, facts.copy()) or [ast.Pass()]
            node.orelse = self.block(node.orelse, facts.copy())
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            return self._assign(node, node.targets[0].id, facts)
        elif isinstance(node, ast.Expr) and (called := method_of(node.value)) and called[1] == "remove":
            return [] if called[0] in self._sets else [node]
        return [node]

    def _assign(self, node: ast.Assign, name: str, facts: _Facts) -> list[ast.stmt]:
        facts.forget(name)
        value = node.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "isinstance":
            self._flags[name] = value
        elif (missing := missing_in(value)) is not None:
            self._missing[name] = missing
        elif name not in self._sets:
            return [node]
        self.dropped.add(name)
        return []

    def _if(self, node: ast.If, facts: _Facts) -> list[ast.stmt]:
        test = node.test
        if isinstance(test, ast.Name) and test.id in self._missing:
            return self._required(node, *self._missing[test.id], facts)
        if isinstance(test, ast.Name) and test.id in self._sets:
            of, names = self._sets[test.id]
            self.names[f"{of}_known"] = frozenset(names)
            return [ast.If(expression(f"not {of}.keys() <= {of}_known"), node.body, [])]
        if (member := member_in(test)) and member[1] in self._sets:
            return self._property(node, self._sets[member[1]][0], member[0], facts)
        if isinstance(test, ast.Name) and test.id in self._flags:
            test = self._flags[test.id]
        name = tested_name(test)
        if name is not None and not node.orelse:
            return self._by_kind(node, test, name, facts)
        node.test = Spelled().visit(test)
        node.body = self.block(node.body, facts.copy()) or [ast.Pass()]
        node.orelse = self.block(node.orelse, facts.copy())
        return [node]

    def _required(self, node: ast.If, of: str, names: list[str], facts: _Facts) -> list[ast.stmt]:
        if not names:
            return []
        facts.present |= {(of, name) for name in names}
        return [ast.If(expression(" or ".join(f"{name!r} not in {of}" for name in names)), node.body, [])]

    def _property(self, node: ast.If, of: str, name: str, facts: _Facts) -> list[ast.stmt]:
        if (of, name) in facts.present:
            return self.block(node.body, facts)
        body = self.block(node.body, facts.copy())
        return [ast.If(expression(f"{name!r} in {of}"), body, [])] if body else []

    def _by_kind(self, node: ast.If, test: ast.expr, name: str, facts: _Facts) -> list[ast.stmt]:
        known = facts.kinds.get(name, ALL_KINDS)
        fits = frozenset(kind for kind in known if holds(test, kind))
        if fits == known:
            return self.block(node.body, facts)
        body = self.block(node.body, facts.copy(**{name: fits})) if fits else []
        if not body:
            return []
        if isinstance(body[-1], (ast.Return, ast.Raise)):
            facts.kinds[name] = known - fits
        return [ast.If(expression(spelled(name, fits, known)), body, [])]

    def _for(self, node: ast.For, facts: _Facts) -> list[ast.stmt]:
        inside = facts.copy()
        for one in ast.walk(node.target):
            if isinstance(one, ast.Name):
                inside.forget(one.id)
        node.body = self.block(node.body, inside)
        if not node.body:
            return []
        target, over = node.target, node.iter
        if isinstance(target, ast.Tuple) and isinstance(over, ast.Call) and ast.unparse(over.func) == "enumerate":
            place, item = target.elts
            used = {one.id for each in node.body for one in ast.walk(each) if isinstance(one, ast.Name)}
            if len(over.args) == 1 and isinstance(place, ast.Name) and place.id not in used:
                node.target, node.iter = item, over.args[0]
        return [node]


def _sets_of_names(function: ast.FunctionDef) -> Iterator[tuple[str, tuple[str, list[str]]]]:
    """Sets of an object's names that are asked for known ones and whether others are left: (set, (object, known)).

    One that is asked for others must be made in one place only, since what was taken out of it counts.
    """
    made: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    known: dict[str, list[str]] = {}
    closed: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            counts[node.id] = counts.get(node.id, 0) + 1
    uses = dict.fromkeys(counts, 0)
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and (of := names_of(node.value)):
            made.setdefault(node.targets[0].id, []).append(of)
            uses[node.targets[0].id] += 1
        elif isinstance(node, ast.Call) and (called := method_of(node)) and called[1] == "remove":
            known.setdefault(called[0], []).append(ast.literal_eval(node.args[0]) if _is_text(node.args) else "")
            uses[called[0]] += 1
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name):
            closed.add(node.test.id)
            uses[node.test.id] += 1
        elif isinstance(node, ast.Compare) and (member := member_in(node)):
            uses[member[1]] += 1
    for name, sources in made.items():
        if uses[name] == counts[name] and (name not in closed or len(sources) == 1) and len(set(sources)) == 1:
            yield name, (sources[0], known.get(name, []))


def _is_text(nodes: list[ast.expr]) -> bool:
    return len(nodes) == 1 and isinstance(nodes[0], ast.Constant) and isinstance(nodes[0].value, str)


def _without_unused(body: list[ast.stmt]) -> list[ast.stmt]:
    """Without lengths that nobody asks for."""
    loads = {
        one.id for each in body for one in ast.walk(each) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)
    }
    return [kept for one in body if (kept := Unused(loads).visit(one)) is not None]
