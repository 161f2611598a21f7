"""Options of transforms, as values."""

from dataclasses import dataclass
from typing import Any

from gateway.config.header_edits_model import Pairs
from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class QueryEdit(Options):
    """Changes to a query, in the order `rename`, `remove`, `set`, `add`; names are decoded, values are templates."""

    rename: Pairs
    remove: tuple[str, ...]
    set: Pairs
    add: Pairs


@dataclass(frozen=True, slots=True)
class JsonEdit(Options):
    """Changes to JSON, in the order `select`, `rename`, `remove`, `set`; keys are paths, values frozen JSON.

    `max_body` is bytes; `content_types` are media types or ranges that are transformed.
    """

    select: str
    rename: Pairs
    remove: tuple[str, ...]
    set: tuple[tuple[str, Any], ...]
    max_body: int
    content_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Transform(Options):
    """What is changed on the way up and on the way back; `numbers` are parameters of the path that are numbers."""

    query: QueryEdit | None
    request: JsonEdit | None
    response: JsonEdit | None
    numbers: tuple[str, ...]
    where: str
