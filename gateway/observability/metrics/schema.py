"""`metrics` of the section `observability`."""

from gateway.config.schema_parts import OFF, Schema, boolean, either, integer, section
from gateway.observability.metrics.statsd_schema import statsd

ON = "on"


def metrics() -> Schema:
    """Whether requests are counted."""
    keys = {
        "series": integer(
            "How many routes, upstreams and targets are counted apart; twice as many as there are at the start, and "
            "at least 4,096, when not written.",
            64,
            65_536,
        )
    }
    return either(
        "`on`, `off` or a mapping",
        "Whether requests are counted.",
        {"enum": [ON, OFF]},
        section("How.", keys),
        default=ON,
    )


def keys() -> dict[str, Schema]:
    """The keys of `observability` that this module describes."""
    return {
        "metrics": metrics(),
        "statsd": statsd(),
        "dashboard": boolean("Whether the admin listener has a dashboard.", True),
    }
