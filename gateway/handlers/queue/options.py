"""Options of `enqueue`: requests that become entries of a Redis stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from gateway.config.options import Kind, Options, Schema, integer, read, schema_of, size, text, words
from gateway.config.schema_parts import FIELD_NAME
from gateway.config.schema_parts import choice as choice_schema
from gateway.config.schema_parts import text as text_schema

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import Reading, RouteContext

_HEADER = text_schema("a header name (RFC 9110 token)", "A header name.", FIELD_NAME)
_OVERFLOW = choice_schema("What becomes of a full stream.", "refuse", "drop_oldest", default="refuse")


class Enqueue(Options, frozen=True):
    """`stream` is its name; at most `most` entries, and `drops` whether the oldest make room or the request is refused.

    `headers` (lower case) go along with the body, which has at most `max_body` bytes.
    """

    stream: Annotated[
        str, text("a name of visible characters", "The key of the Redis stream.", r"^[!-~]{1,200}$").must()
    ]
    most: Annotated[
        int, integer("The most entries that the stream may have.", 1, 1_000_000_000, 100_000).named("max_length")
    ]
    drops: Annotated[bool, Kind(_OVERFLOW, lambda reader, key: reader.text(key) == "drop_oldest", "overflow")]
    headers: Annotated[
        tuple[str, ...], words("Headers of the request that go along; none when not written.", _HEADER, may_repeat=True)
    ]
    max_body: Annotated[int, size("The largest body.", "256KB")]
    where: str


def route_keys() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    return {"enqueue": schema_of(Enqueue, "The request becomes an entry of a Redis stream.")}


def read_enqueue(holder: OptionReader, context: RouteContext) -> Enqueue | None:
    """The section, None where it is not written."""
    return read(Enqueue, holder.section("enqueue")) if "enqueue" in holder else None


def check(reading: Reading) -> None:
    """Complain about streams where there is no Redis to hold them."""
    if reading.found["store"] != "memory" or any(reader.is_wrong("store") for reader in reading.readers):
        return
    for reader in reading.readers:
        for route in reader.sections("routes"):
            if "enqueue" in route:
                route.complain("a stream needs a Redis", "such as `store: redis://127.0.0.1:6379/0`", key="enqueue")
