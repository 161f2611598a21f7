"""Options of `compress`, of routes and of `defaults`: answers in the content coding that clients like best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from gateway.config.options import Options, Schema, read, schema_of, size, words
from gateway.config.schema_parts import MEDIA_TYPE, OFF, choice, either, text

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import RouteContext

ALL = ("zstd", "br", "gzip")
#: what is made smaller by it: text, and what is text under another name
TYPES = (
    *("text/*", "application/json", "application/*+json", "application/x-ndjson", "application/xml"),
    *("application/*+xml", "application/javascript", "application/wasm", "image/svg+xml", "font/ttf", "font/otf"),
)
_CODING = choice("A content coding.", *ALL)
_TYPE = text("a media type such as application/json or text/*", "A type.", MEDIA_TYPE)


class Compress(Options, frozen=True):
    """`algorithms` best first; `types` are media types or ranges; `min_size` is bytes."""

    algorithms: Annotated[
        tuple[str, ...], words("Codings, the best first; all of them when not written.", _CODING, least=1, default=ALL)
    ]
    min_size: Annotated[int, size("Answers that are smaller stay as they are.", "1KB")]
    types: Annotated[
        tuple[str, ...],
        words(
            "Types of content that are compressed; text, JSON and such when not written.", _TYPE, least=1, default=TYPES
        ),
    ]
    where: str


def route_keys() -> dict[str, Schema]:
    """The keys of a route, and of `defaults`, that this module describes."""
    how = schema_of(Compress, "How.")
    return {"compress": either("`off` or a mapping", "How answers are compressed.", {"enum": [OFF]}, how)}


def read_compress(holder: OptionReader, context: RouteContext) -> Compress | None:
    """The section; that of `defaults` where it is not written, none where it is `off`."""
    if "compress" not in holder:
        return context.defaults.get("compress")
    return None if holder.one("compress") is not None else read(Compress, holder.section("compress"))
