"""`observability.metrics`."""

from gateway.auth.access_schema import OFF
from gateway.config.reader import OptionReader
from gateway.observability.metrics.model import Metrics


def read_metrics(observability: OptionReader) -> Metrics:
    """The section; on where it is not written."""
    word = observability.one("metrics")
    if word is not None:
        return Metrics(word.value != OFF, 0, word.where)
    section = observability.section("metrics")
    return Metrics(True, section.integer("series"), section.where)
