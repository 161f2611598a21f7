"""`compress`: answers in the content coding that clients like best."""

from gateway.config.schema_parts import MEDIA_TYPE, OFF, Schema, choice, either, listing, quantity, section, text

#: what is made smaller by it: text, and what is text under another name
TYPES = (
    *("text/*", "application/json", "application/*+json", "application/x-ndjson", "application/xml"),
    *("application/*+xml", "application/javascript", "application/wasm", "image/svg+xml", "font/ttf", "font/otf"),
)


def sections() -> dict[str, Schema]:
    """The keys of a route and of `defaults` that this module describes."""
    algorithm = choice("A content coding.", "zstd", "br", "gzip")
    media_type = text("a media type such as application/json or text/*", "A type.", MEDIA_TYPE)
    keys = {
        "algorithms": listing("Codings, the best first; all of them when not written.", algorithm, least=1),
        "min_size": quantity("size", "Answers that are smaller stay as they are.", "1KB"),
        "types": listing(
            "Types of content that are compressed; text, JSON and such when not written.", media_type, least=1
        ),
    }
    off: Schema = {"enum": [OFF]}
    return {"compress": either("`off` or a mapping", "How answers are compressed.", off, section("How.", keys))}
