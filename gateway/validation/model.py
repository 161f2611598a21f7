"""Options of validation, as values."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class JsonSchema(Options):
    """A schema that holds: draft-07, every reference found.

    `documents` are (address, JSON text) of it and of all that it refers to; `root` is the address of its own, `name`
    the file as it was written, or "inline".
    """

    name: str
    root: str
    documents: tuple[tuple[str, str], ...]
    where: str


@dataclass(frozen=True, slots=True)
class FormField(Options):
    """What the parts of one name in a form must be; `max_size` in bytes, None = as any part."""

    name: str
    content_types: tuple[str, ...]
    is_required: bool
    max_size: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Multipart(Options):
    """What a form with files must be; `is_closed`: no other fields than `fields`."""

    parts: int
    part_size: int
    headers: int
    is_closed: bool
    fields: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class Validate(Options):
    """What a request must be. `content_types` are lower-case media types or ranges, () = any; None = not looked at.

    `charsets` and `produces` are in lower case, () = any.
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
    charsets: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()
    multipart: Multipart | None = None
    body_required: bool = True
