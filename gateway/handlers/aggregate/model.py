"""Options of aggregation, as values."""

from dataclasses import dataclass
from typing import Any

from gateway.config.options import Options
from gateway.upstream.resilience.options import OwnRetry


@dataclass(frozen=True, slots=True)
class Part(Options):
    """One request. `path` is a template, `body` frozen JSON whose strings are templates (None = no body).

    `timeout` is seconds, None = the upstream's, and so is `retry`; `default` is frozen JSON; `select` is JMESPath,
    "" = all of it; `accept` are statuses besides 2xx.
    """

    name: str
    upstream: str
    method: str
    path: str
    body: Any
    needs: tuple[str, ...]
    timeout: float | None
    retry: OwnRetry | None
    has_default: bool
    default: Any
    is_required: bool
    accept: tuple[int, ...]
    select: str
    where: str


@dataclass(frozen=True, slots=True)
class Aggregate(Options):
    """`parts` in an order in which each stands behind those it needs.

    `response` is frozen JSON whose strings are JMESPath over {part: value}, None = that itself; `partial` is the
    status where a part failed, 0 = then all fails; `meta` whether the answer tells; `taken` are (header, part);
    `forward` are the client's headers (lower case) that go along, None = all.
    """

    parts: tuple[Part, ...]
    response: Any
    partial: int
    meta: bool
    taken: tuple[tuple[str, str], ...]
    forward: tuple[str, ...] | None
    where: str
