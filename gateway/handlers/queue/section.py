"""`enqueue` of routes."""

from gateway.config.reader import OptionReader
from gateway.config.reading import Reading, RouteContext
from gateway.handlers.queue.model import Enqueue


def read_enqueue(holder: OptionReader, context: RouteContext) -> Enqueue | None:
    """The section, None where it is not written."""
    if "enqueue" not in holder:
        return None
    reader = holder.section("enqueue")
    return Enqueue(
        stream=reader.text("stream"),
        most=reader.integer("max_length"),
        drops=reader.text("overflow") == "drop_oldest",
        headers=tuple(dict.fromkeys(text.value.lower() for text in reader.texts("headers"))),
        max_body=reader.size("max_body"),
        where=reader.where,
    )


def check(reading: Reading) -> None:
    """Complain about streams where there is no Redis to hold them."""
    if reading.found["store"] != "memory" or any(reader.is_wrong("store") for reader in reading.readers):
        return
    for reader in reading.readers:
        for route in reader.sections("routes"):
            if "enqueue" in route:
                route.complain("a stream needs a Redis", "such as `store: redis://127.0.0.1:6379/0`", key="enqueue")
