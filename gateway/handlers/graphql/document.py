"""Operations of a GraphQL document (GraphQL specification, October 2021): read once, and weighed without a schema."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any, Final

from graphql.error import GraphQLSyntaxError
from graphql.language import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    TypeNode,
    VariableNode,
    parse,
)

#: tokens of the largest document that is read
TOKENS_MAX: Final = 10_000
#: arguments that say how many of a list are asked for
_COUNTS: Final = frozenset(("first", "last", "limit", "take", "pageSize"))
#: what a list counts for whose length a variable says that the request does not have
_UNKNOWN: Final = 100


class DocumentError(ValueError):
    """What is no document that can be run; the text says why."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of an operation. `type` is the name of the innermost type, `lists` how many lists it stands in."""

    name: str
    type: str
    lists: int
    is_required: bool


@dataclass(frozen=True, slots=True)
class Weight:
    """`depth` is levels of fields; `complexity` is fields, those in lists times their count; `aliases` is fields."""

    depth: int
    complexity: int
    aliases: int
    has_introspection: bool


class Operation:
    """One operation of a document, and the fragments that it may use."""

    def __init__(self, node: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._node = node
        self._fragments = fragments
        self.kind = {OperationType.QUERY: "query", OperationType.MUTATION: "mutation"}.get(
            node.operation, "subscription"
        )

    def variables(self) -> tuple[Variable, ...]:
        """Its variables, in their order."""
        found = []
        for each in self._node.variable_definitions or ():
            name, lists = _named(each.type)
            is_required = isinstance(each.type, NonNullTypeNode) and each.default_value is None
            found.append(Variable(each.variable.name.value, name, lists, is_required))
        return tuple(found)

    def weight(self, values: dict[str, Any]) -> Weight:
        """What it asks for with these variables. Raises DocumentError for fragments that are not there or go round."""
        given = {each.variable.name.value: each.default_value for each in self._node.variable_definitions or ()}
        try:
            return _Scale(self._fragments, {**given, **values}).of(self._node.selection_set, ())
        except RecursionError:
            raise DocumentError("its fragments are nested too deep") from None


class _Scale:
    """SECURITY: each fragment is weighed once, so that what is written in few words takes no more to weigh."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode], values: dict[str, Any]) -> None:
        self._fragments = fragments
        self._values = values
        self._known: dict[str, Weight] = {}

    def of(self, selections: SelectionSetNode | None, within: tuple[str, ...]) -> Weight:
        depth, complexity, aliases, looks = 0, 0, 0, False
        for node in selections.selections if selections is not None else ():
            if isinstance(node, FieldNode):
                below = self.of(node.selection_set, within)
                count = self._count(node)
                one = Weight(
                    below.depth + 1,
                    1 + count * below.complexity,
                    below.aliases + (node.alias is not None),
                    below.has_introspection or node.name.value in ("__schema", "__type"),
                )
            elif isinstance(node, InlineFragmentNode):
                one = self.of(node.selection_set, within)
            else:
                assert isinstance(node, FragmentSpreadNode)
                one = self._fragment(node.name.value, within)
            depth = max(depth, one.depth)
            complexity, aliases = complexity + one.complexity, aliases + one.aliases
            looks = looks or one.has_introspection
        return Weight(depth, complexity, aliases, looks)

    def _fragment(self, name: str, within: tuple[str, ...]) -> Weight:
        if name in within:
            raise DocumentError(f"the fragment {name} is part of itself")
        if name not in self._fragments:
            raise DocumentError(f"there is no fragment {name}")
        if name not in self._known:
            self._known[name] = self.of(self._fragments[name].selection_set, (*within, name))
        return self._known[name]

    def _count(self, node: FieldNode) -> int:
        """SECURITY: of several arguments the largest counts, and what the document has for a variable (its default)."""
        return max((self._size(each.value) for each in node.arguments or () if each.name.value in _COUNTS), default=1)

    def _size(self, value: Any) -> int:
        if isinstance(value, VariableNode):
            value = self._values.get(value.name.value)
            if isinstance(value, float) and isfinite(value):
                value = ceil(abs(value))  # 1000.0 is an Int to services too
            if type(value) is int:
                return max(1, abs(value))
            return max(_UNKNOWN, _number(value))
        return _number(value)


def _number(value: Any) -> int:
    """What a document says, 1 for what is no number."""
    return max(1, abs(int(value.value[:10]))) if isinstance(value, IntValueNode) else 1


def read(text: str) -> dict[str, Operation]:
    """The operations of a document by name, "" for one without. Raises DocumentError."""
    try:
        document = parse(text, no_location=True, max_tokens=TOKENS_MAX)
    except GraphQLSyntaxError as error:
        places = error.locations or ()
        where = f" (line {places[0].line}, column {places[0].column})" if places else ""
        raise DocumentError(f"{error.message.removeprefix('Syntax Error: ')}{where}") from None
    except RecursionError:
        raise DocumentError("it is nested too deep") from None
    names = [node.name.value for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
    if len(set(names)) != len(names):
        raise DocumentError("two fragments have the same name")
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    found: dict[str, Operation] = {}
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            name = node.name.value if node.name is not None else ""
            if name in found:
                raise DocumentError("two operations have the same name")
            found[name] = Operation(node, fragments)
    if not found:
        raise DocumentError("it has no operation")
    return found


def chosen(operations: dict[str, Operation], name: str) -> Operation:
    """The operation that is asked for; the only one where no name is. Raises DocumentError."""
    if not name and len(operations) == 1:
        return next(iter(operations.values()))
    if name not in operations or not name:
        raise DocumentError(f"there is no operation {name}" if name else "it has several operations and none is named")
    return operations[name]


def _named(node: TypeNode) -> tuple[str, int]:
    lists = 0
    while True:
        if isinstance(node, NonNullTypeNode):
            node = node.type
        elif isinstance(node, ListTypeNode):
            node, lists = node.type, lists + 1
        else:
            assert isinstance(node, NamedTypeNode)
            return node.name.value, lists
