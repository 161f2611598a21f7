"""What a configuration file says about services that are called in their own way, as values."""

from dataclasses import dataclass
from typing import Any

from gateway.config.record import Record


@dataclass(frozen=True, slots=True)
class JsonRpc(Record):
    """`path` is a template, `params` frozen JSON whose texts are templates (None = none) or "body": the client's own.

    `statuses` are (code, status); `select` is JMESPath, "" = all; `batch` is the most calls at once, 0 = one only;
    `numbers` are the path's parameters that are numbers.
    """

    upstream: str
    path: str
    method: str
    params: Any
    notification: bool
    select: str
    statuses: tuple[tuple[int, int], ...]
    batch: int
    numbers: tuple[str, ...]
    where: str
