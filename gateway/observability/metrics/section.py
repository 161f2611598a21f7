"""`observability.metrics`."""

from typing import Any

from gateway.config.reader import OptionReader
from gateway.config.reading import Reading
from gateway.config.schema_parts import OFF
from gateway.observability.metrics.model import Metrics
from gateway.observability.metrics.statsd_section import read_statsd


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
