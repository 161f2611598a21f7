"""`activate` of an upstream: it is started when it is needed."""

from gateway.config.schema_parts import LINE, Schema, boolean, choice, integer, quantity, section, text


def sections() -> dict[str, Schema]:
    """The keys of an upstream that this module describes."""
    url = text("a URL such as https://scaler.internal/wake/shop", "What is called; kept secret.", LINE)
    wake = {
        "url": {**url, "writeOnly": True},
        "method": choice("How.", "POST", "GET", "PUT", default="POST"),
        "every": quantity("positive", "At most once in this time, by all workers of the host.", "10s"),
        "insecure": boolean("Allows http.", False),
    }
    keys = {
        "hold": quantity("positive", "How long a request may wait.", "20s"),
        "queue": integer("How many may wait, in each worker.", 1, 1_000_000, 1000),
        "wake": section("Who is told that it is needed.", wake, ("url",)),
    }
    return {"activate": section("Requests wait while no target is there.", keys)}
