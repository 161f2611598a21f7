"""`observability.statsd` for the published schema."""

from gateway.config.schema_parts import Schema, boolean, integer, quantity, section, text


def statsd() -> Schema:
    """Figures for a statsd daemon."""
    keys = {
        "host": text("a host name or an address", "Where the daemon listens."),
        "port": integer("Its UDP port.", 1, 65535, 8125),
        "prefix": text(
            "names of letters, digits, `_` and `-` with dots between them",
            "Begins every name.",
            r"^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}$",
            "gateway",
        ),
        "every": quantity("positive", "How often, from 1s to 1m.", "1s"),
        "tags": boolean("Routes and the like as tags, as DogStatsD has them, and not within names.", False),
    }
    return section("Figures for a statsd daemon, over UDP.", keys, ("host",))
