"""Options of `observability.access_log`, as values."""

from dataclasses import dataclass

from gateway.config.options import Options


@dataclass(frozen=True, slots=True)
class AccessLog(Options):
    """format: json, combined or off; to: stdout, stderr or an absolute file name; sample: share of requests logged."""

    format: str
    to: str
    sample: float
    where: str
