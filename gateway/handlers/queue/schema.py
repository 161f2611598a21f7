"""`enqueue` of a route: requests are put into a stream."""

from gateway.config.schema_parts import FIELD_NAME, Schema, choice, integer, listing, quantity, section, text


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    header = text("a header name (RFC 9110 token)", "A header name.", FIELD_NAME)
    keys = {
        "stream": text("a name of visible characters", "The key of the Redis stream.", r"^[!-~]{1,200}$"),
        "max_length": integer("The most entries that the stream may have.", 1, 1_000_000_000, 100_000),
        "overflow": choice("What becomes of a full stream.", "refuse", "drop_oldest", default="refuse"),
        "headers": listing("Headers of the request that go along; none when not written.", header),
        "max_body": quantity("size", "The largest body.", "256KB"),
    }
    return {"enqueue": section("The request becomes an entry of a Redis stream.", keys, ("stream",))}
