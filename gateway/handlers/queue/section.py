"""`enqueue` of routes."""

from collections.abc import Iterable

from gateway.config.reader import OptionReader
from gateway.handlers.queue.model import Enqueue


def read_enqueue(holder: OptionReader) -> Enqueue | None:
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


def check_streams(readers: Iterable[OptionReader], store: str) -> None:
    """Complain about streams where there is no Redis to hold them."""
    readers = list(readers)
    if store != "memory" or any(reader.is_wrong("store") for reader in readers):
        return
    for reader in readers:
        for route in reader.sections("routes"):
            if "enqueue" in route:
                route.complain("a stream needs a Redis", "such as `store: redis://127.0.0.1:6379/0`", key="enqueue")
