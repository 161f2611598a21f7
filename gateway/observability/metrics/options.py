"""Options of `metrics`, `statsd` and `dashboard`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.config import schema_parts as schemas
from gateway.config.hosts import host_mistake
from gateway.config.options import Options
from gateway.config.schema_parts import OFF, Schema

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.reading import Reading


class Metrics(Options, frozen=True):
    """`series` is how many there is room for, 0 = as many as the configuration at the start asks for."""

    is_on: bool = True
    series: int = 0
    where: str = ""


class Statsd(Options, frozen=True):
    """Where figures are sent to every `every` seconds; `tags`: in the dialect of DogStatsD."""

    host: str
    port: int
    prefix: str
    every: float
    tags: bool
    where: str


def statsd() -> Schema:
    """Figures for a statsd daemon."""
    keys = {
        "host": schemas.text("a host name or an address", "Where the daemon listens."),
        "port": schemas.integer("Its UDP port.", 1, 65535, 8125),
        "prefix": schemas.text(
            "names of letters, digits, `_` and `-` with dots between them",
            "Begins every name.",
            r"^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}$",
            "gateway",
        ),
        "every": schemas.quantity("positive", "How often, from 1s to 1m.", "1s"),
        "tags": schemas.boolean("Routes and the like as tags, as DogStatsD has them, and not within names.", False),
    }
    return schemas.section("Figures for a statsd daemon, over UDP.", keys, ("host",))


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


ON = "on"


def metrics() -> Schema:
    """Whether requests are counted."""
    keys = {
        "series": schemas.integer(
            "How many routes, upstreams and targets are counted apart; twice as many as there are at the start, and "
            "at least 4,096, when not written.",
            64,
            65_536,
        )
    }
    return schemas.either(
        "`on`, `off` or a mapping",
        "Whether requests are counted.",
        {"enum": [ON, OFF]},
        schemas.section("How.", keys),
        default=ON,
    )


def observability_keys() -> dict[str, Schema]:
    """The keys of `observability` that this module describes."""
    return {
        "metrics": metrics(),
        "statsd": statsd(),
        "dashboard": schemas.boolean("Whether the admin listener has a dashboard.", True),
    }


def read_metrics(observability: OptionReader) -> Metrics:
    """The section; on where it is not written."""
    word = observability.one("metrics")
    if word is not None:
        return Metrics(word.value != OFF, 0, word.where)
    section = observability.section("metrics")
    return Metrics(True, section.integer("series"), section.where)


def read(reading: Reading) -> dict[str, Any]:
    """`metrics`, `statsd` and `dashboard` of a configuration."""
    section = reading.section("observability")
    return {
        "metrics": read_metrics(section),
        "statsd": read_statsd(section),
        "dashboard": section.flag("dashboard"),
    }
