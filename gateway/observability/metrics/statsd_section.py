"""`observability.statsd`."""

from typing import Final

from gateway.config.hosts import host_mistake
from gateway.config.reader import OptionReader
from gateway.observability.metrics.statsd_model import Statsd

LEAST: Final = 1.0
MOST: Final = 60.0


def read_statsd(holder: OptionReader) -> Statsd | None:
    """The section of `observability`; None when it is not written."""
    if "statsd" not in holder:
        return None
    reader = holder.section("statsd")
    host, every = reader.one("host"), reader.one("every")
    if host is not None and (mistake := _mistake(host.value)):
        host.complain(f"{host.shown} {mistake}")
    seconds = reader.duration("every")
    if every is not None and not LEAST <= seconds <= MOST:
        every.complain(f"{every.shown} is not within {LEAST:g}s and {MOST / 60:g}m")
    return Statsd(
        host=reader.text("host").strip("[]"),
        port=reader.integer("port"),
        prefix=reader.text("prefix"),
        every=seconds,
        tags=reader.flag("tags"),
        where=reader.where,
    )


def _mistake(host: str) -> str:
    """An IPv6 address may come without its brackets: there is no port behind it."""
    is_bare = ":" in host and not host.startswith("[")
    return host_mistake(f"[{host}]" if is_bare else host)
