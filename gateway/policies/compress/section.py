"""`compress`, of routes and of `defaults`."""

from gateway.config.reader import OptionReader
from gateway.config.reading import RouteContext
from gateway.policies.compress.model import Compress
from gateway.policies.compress.schema import TYPES

ALL = ("zstd", "br", "gzip")


def read_compress(holder: OptionReader, context: RouteContext) -> Compress | None:
    """The section; that of `defaults` where it is not written, none where it is `off`."""
    if "compress" not in holder:
        return context.defaults.get("compress")
    off = holder.one("compress")
    if off is not None:
        return None
    reader = holder.section("compress")
    return Compress(
        algorithms=_once(reader, "algorithms") or ALL,
        min_size=reader.size("min_size"),
        types=_once(reader, "types") or TYPES,
        where=reader.where,
    )


def _once(reader: OptionReader, key: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in reader.texts(key):
        name = text.value.lower()
        if name in found:
            text.complain(f"{text.shown} is there twice")
        found[name] = None
    return tuple(found)
