"""What a route asks of its requests, as values."""

from dataclasses import dataclass

from gateway.config.record import Record


@dataclass(frozen=True, slots=True)
class JsonSchema(Record):
    """A schema that holds: draft-07, every reference found.

    `documents` are (address, JSON text) of it and of all that it refers to; `root` is the address of its own, `name`
    the file as it was written, or "inline".
    """

    name: str
    root: str
    documents: tuple[tuple[str, str], ...]
    where: str


@dataclass(frozen=True, slots=True)
class Validate(Record):
    """What a request must be. `content_types` are lower-case media types or ranges, () = any; None = not looked at.

    `max_body` is in bytes, None = not written; `depth`, `members` and `ratio` bound the body that is read.
    """

    content_types: tuple[str, ...]
    body: JsonSchema | None
    query: JsonSchema | None
    headers: JsonSchema | None
    params: JsonSchema | None
    max_body: int | None
    depth: int
    members: int
    ratio: int
    where: str
