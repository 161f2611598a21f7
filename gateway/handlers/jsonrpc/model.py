"""Options of JSON-RPC and GraphQL handlers, as values."""

from dataclasses import dataclass
from typing import Any

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class JsonRpc(Options):
    """`path` is a template, `params` frozen JSON whose texts are templates (None = none) or "body": the client's own.

    `statuses` are (code, status); `select` is JMESPath, "" = all; `batch` is the most calls at once, 0 = one only;
    `numbers` are the path's parameters that are numbers.
    """

    upstream: str
    path: str
    method: str
    params: Any
    notification: bool
    select: str
    statuses: tuple[tuple[int, int], ...]
    batch: int
    numbers: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Variable(Options):
    """A variable of a GraphQL operation: a type in so many lists, and frozen JSON whose texts are templates."""

    name: str
    type: str
    lists: int
    is_required: bool
    value: Any


@dataclass(frozen=True, slots=True)
class GraphQL(Options):
    """`path` is a template, `query` the document; `statuses` are (code, status); `select` is JMESPath, "" = all.

    `partial` says whether data beside errors is an answer; `numbers` are the path's parameters that are numbers.
    """

    upstream: str
    path: str
    query: str
    operation: str
    variables: tuple[Variable, ...]
    select: str
    statuses: tuple[tuple[str, int], ...]
    partial: bool
    numbers: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class GraphQLPass(Options):
    """GraphQL of the clients' own, within bounds; `persisted` are (SHA-256 in hex, document)."""

    upstream: str
    path: str
    depth: int
    complexity: int
    aliases: int
    introspection: bool
    persisted: tuple[tuple[str, str], ...]
    only: bool
    where: str
