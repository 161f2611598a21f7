"""Orders to a load generator, and its results; both travel as JSON between two processes."""

from __future__ import annotations

import base64
import json
from array import array
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class LoadJob:
    """Load for 127.0.0.1:`port`: `rate` requests a second, 0 = as many as are answered, for `seconds`.

    `fresh`: every request on a connection of its own; closed model only.
    """

    port: int
    request: str  # the bytes, as Latin-1
    connections: int
    seconds: float
    rate: float = 0.0
    fresh: bool = False

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> LoadJob:
        """The reverse."""
        return LoadJob(**json.loads(text))


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What one generator saw: `latencies` in seconds, ascending; `late` is the 99th percentile of how late it sent.

    `seconds` is how long it asked, `cpu` its own CPU seconds, `refused` the statuses of answers that are no success.
    """

    latencies: tuple[float, ...]
    failed: int
    seconds: float
    cpu: float
    late: float
    refused: tuple[tuple[int, int], ...] = ()

    def to_json(self) -> str:
        """One line; latencies as 32-bit floats, for there may be a hundred thousand."""
        packed = base64.b64encode(array("f", self.latencies).tobytes()).decode("ascii")
        return json.dumps(asdict(self) | {"latencies": packed, "refused": list(self.refused)})

    @staticmethod
    def from_json(text: str) -> LoadResult:
        """The reverse."""
        found = json.loads(text)
        took = array("f")
        took.frombytes(base64.b64decode(found.pop("latencies")))
        refused = tuple((int(status), int(count)) for status, count in found.pop("refused"))
        return LoadResult(latencies=tuple(took), refused=refused, **found)


def together(parts: list[LoadResult]) -> LoadResult:
    """What several generators saw that ran at the same time."""
    refused: dict[int, int] = {}
    for status, count in (each for part in parts for each in part.refused):
        refused[status] = refused.get(status, 0) + count
    return LoadResult(
        tuple(sorted(took for part in parts for took in part.latencies)),
        sum(part.failed for part in parts),
        max(part.seconds for part in parts),
        max(part.cpu for part in parts),
        max(part.late for part in parts),
        tuple(sorted(refused.items())),
    )
