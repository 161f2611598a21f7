"""Options of an upstream that fails: health, outlier, circuit_breaker, retry, hedge and overload."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec.structs import replace

from gateway.config import schema_parts as schemas
from gateway.config import units
from gateway.config.diagnostics import did_you_mean
from gateway.config.options import (
    Options,
    Schema,
    custom,
    integer,
    items,
    positive,
    positive_share,
    read,
    schema_of,
    share,
    size,
    text,
)
from gateway.config.schema_parts import OFF

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader

PERCENTILES: Final = ("p50", "p75", "p90", "p95", "p99")
_SERVICE = re.compile(r"/[A-Za-z0-9_.]{0,127}")
_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]+")
_IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""RFC 9110 section 9.2.2, without TRACE, which is never routed."""
_OWN = ("attempts", "on", "methods", "budget", "backoff", "max_body")
"""The keys of `retry` that are rules by themselves."""
_STATUS = schemas.integer("A status.", 200, 599)
_CONDITION = schemas.either(
    "`connect`, `reset` or a status from 200 to 599",
    "`connect`, `reset` (a close before an answer too) or a status; 504 is our own read timeout as well.",
    {"enum": ["connect", "reset"]},
    _STATUS,
)
_METHODS = schemas.listing(
    "Methods that are tried again: GET, HEAD, OPTIONS, PUT and DELETE when not written.",
    schemas.text("a method", "A method."),
    least=1,
)
_LIMIT = schemas.either(
    "`adaptive` or a whole number from 1 to 65,535",
    "Most requests in flight to one upstream; adaptive finds the number by measuring latency.",
    {"enum": ["adaptive"]},
    schemas.integer("Most requests in flight to one upstream.", 1, 65535),
)
_AFTER = schemas.either(
    "p50, p75, p90, p95, p99 or a duration",
    "How long the first try may take: a live percentile of the upstream's latency, or a duration.",
    {"enum": list(PERCENTILES)},
    schemas.quantity("positive", "How long the first try may take."),
    default="p95",
)
_NON_IDEMPOTENT = schemas.boolean("Says that the methods which are not idempotent are listed on purpose.", False)


class Retry(Options, frozen=True):
    """Further tries. `on` holds statuses and the words "connect" and "reset"; `attempts` counts tries after the first.

    `budget` is the share of requests that may be tried again, `backoff` the base of the pause in seconds, `max_body`
    the bytes of a request body that are kept for another try.
    """

    attempts: Annotated[int, integer("Tries after the first.", 1, 10, 2)]
    on: Annotated[
        tuple[int | str, ...],
        items(
            "What is tried again: connect, reset, 502, 503 and 504 when not written.",
            _CONDITION,
            ("connect", "reset", 502, 503, 504),
        ),
    ]
    methods: Annotated[tuple[str, ...], custom(_METHODS, _read_methods).with_keys(non_idempotent=_NON_IDEMPOTENT)]
    budget: Annotated[float, share("The share of requests that may be tried again, over ten seconds.", "20%")]
    backoff: Annotated[float, positive("The pause before the second try at most; it doubles with each.", "25ms")]
    max_body: Annotated[int, size("Largest request body that is kept for another try.", "64KB")]
    where: str


class OwnRetry(Options, frozen=True):
    """What somebody who asks an upstream says instead of its `retry`: `rules`, None = off; `keys` are written ones."""

    rules: Retry | None
    keys: tuple[str, ...]

    def over(self, upstream: Retry | None) -> Retry | None:
        """The rules that hold: what is not written is the upstream's, or the section's default where it has none."""
        if self.rules is None or upstream is None:
            return self.rules
        written: dict[str, Any] = {key: getattr(self.rules, key) for key in self.keys}
        return replace(upstream, where=self.rules.where, **written)


class Hedge(Options, frozen=True):
    """A second try beside a late first one: after `after` seconds, or the live `quantile` (0..1) when it is set."""

    after: Annotated[float, custom(_AFTER, _seconds)]
    quantile: float
    max: Annotated[
        float, positive_share("The share of requests that may get a second try.", "5%", "there is never a second try")
    ]
    where: str


class Health(Options, frozen=True):
    """Active checks of every target."""

    path: Annotated[
        str, text("a path such as /healthz", "What is asked for; a query may follow.", r"^/[!\x22\x24-~]*$").must()
    ]
    every: Annotated[float, positive("The time between two checks of a target.", "5s")]
    timeout: Annotated[float, positive("Longest time for one check.", "1s")]
    fall: Annotated[int, integer("Failed checks in a row until a target is down.", 1, 100, 3)]
    rise: Annotated[int, integer("Good checks in a row until it is up again.", 1, 100, 2)]
    expect: Annotated[tuple[int, ...], items("The good statuses: 200 when not written.", _STATUS, (200,))]
    where: str


class Outlier(Options, frozen=True):
    """Passive ejection of targets that fail; `max_ejected` is a share of the targets."""

    consecutive_5xx: Annotated[
        int, integer("Failures in a row (5xx, connect, reset, timeout) until it is left out.", 1, 1000, 5)
    ]
    eject_for: Annotated[float, positive("How long, times the number of ejections lately, ten at most.", "30s")]
    max_ejected: Annotated[
        float,
        positive_share(
            "Largest share of the targets left out at once; one always may be.", "50%", "no target is ever left out"
        ),
    ]
    where: str


class CircuitBreaker(Options, frozen=True):
    """When to stop asking; `slow_call` 0 means that no call counts as slow."""

    failure_rate: Annotated[
        float,
        positive_share("The share of failures at which it opens.", "50%", "it would open without a failure"),
    ]
    slow_call: Annotated[float, custom(_SLOW_CALL, _seconds)]
    slow_rate: Annotated[
        float,
        positive_share("The share of slow calls at which it opens.", "50%", "it would open without a slow call"),
    ]
    window: Annotated[float, positive("The time over which shares are taken.", "10s")]
    min_requests: Annotated[int, integer("Fewer requests than this in the window tell nothing.", 1, 100_000, 20)]
    open_for: Annotated[float, positive("How long it stays open before it is probed.", "5s")]
    half_open: Annotated[int, integer("Probes; all of them must go well.", 1, 50, 3)]
    where: str


class Overload(Options, frozen=True):
    """How many requests an upstream is sent at once (None: found out by measuring) and how many may wait for a turn."""

    max_concurrency: Annotated[int | None, custom(_LIMIT, _read_limit).must()]
    queue: Annotated[int, integer("Most requests that may wait for a turn, per worker.", 0, 65535, 100)]
    where: str


_SLOW_CALL = schemas.quantity("positive", "From when on a call is slow; none is when not written.")


def upstream_keys() -> dict[str, Schema]:
    """The keys of an upstream that this module describes."""
    return {
        "retry": _retry_schema(),
        "hedge": schema_of(Hedge, "A second try beside a first one that is late; GET, HEAD and OPTIONS only."),
        "health": schema_of(Health, "Active checks, by one worker for all."),
        "outlier": schema_of(Outlier, "Targets that keep failing are left out for a while."),
        "circuit_breaker": schema_of(
            CircuitBreaker, "An upstream, or one target of it, that fails too often is not asked for a while."
        ),
        "overload": overload("How much this upstream is sent at once, instead of `server.overload`."),
        "panic": schemas.quantity(
            "share", "When fewer of the targets than this may be used, all are; 0%: when none may.", "0%"
        ),
    }


def overload(description: str) -> Schema:
    """The limit on requests in flight, of one upstream or of each."""
    return schema_of(Overload, description)


def own_retry() -> Schema:
    """The `retry` of somebody who asks an upstream."""
    words = "Further tries, instead of the upstream's `retry`; what is not written is as it says there."
    return schemas.either("`off` or a mapping", words, {"enum": [OFF]}, _retry_schema())


def _retry_schema() -> Schema:
    return schema_of(Retry, "Further tries, on other targets where there are any, within the total timeout.")


def read_overload(holder: OptionReader) -> Overload | None:
    """`overload` of an upstream or of the server."""
    return read(Overload, holder.section("overload")) if "overload" in holder else None


def read_health(holder: OptionReader, is_grpc: bool) -> Health | None:
    """`health`; a check ends before the next one begins. Of targets that speak gRPC `path` names a service."""
    if "health" not in holder:
        return None
    reader = holder.section("health")
    spec = read(Health, reader)
    if spec.timeout > spec.every:
        key = "timeout" if "timeout" in reader else "every"
        reader.complain("`timeout` is longer than `every`: checks would overtake each other", key=key)
    path = reader.one("path")
    if is_grpc and path is not None and not _SERVICE.fullmatch(path.value):
        path.complain(f"{path.shown} names no service", "write /package.Service, or / for the whole server")
    return spec


def read_outlier(holder: OptionReader) -> Outlier | None:
    """`outlier`."""
    return read(Outlier, holder.section("outlier")) if "outlier" in holder else None


def read_circuit_breaker(holder: OptionReader, total: float) -> CircuitBreaker | None:
    """`circuit_breaker` of an upstream whose exchanges take `total` seconds at most."""
    if "circuit_breaker" not in holder:
        return None
    reader = holder.section("circuit_breaker")
    spec = read(CircuitBreaker, reader)
    if "slow_rate" in reader and "slow_call" not in reader:
        reader.complain("`slow_rate` has no effect without `slow_call`", key="slow_rate")
    if spec.slow_call >= total:
        reader.complain(f"`slow_call` has no effect: every exchange ends at {total:g}s", key="slow_call")
    return spec


def read_retry(holder: OptionReader) -> Retry | None:
    """`retry` of an upstream."""
    return _retry(holder.section("retry"), "leave `retry` out") if "retry" in holder else None


def read_own_retry(holder: OptionReader) -> OwnRetry | None:
    """`retry` of somebody who asks an upstream, None = the upstream's."""
    if "retry" not in holder:
        return None
    if holder.one("retry") is not None:
        return OwnRetry(None, ())
    reader = holder.section("retry")
    return OwnRetry(_retry(reader, f"write `retry: {OFF}`"), tuple(key for key in reader if key in _OWN))


def _retry(reader: OptionReader, instead: str) -> Retry:
    """The section; `instead` is what to write for no further tries."""
    spec = read(Retry, reader)
    if spec.budget == 0:
        reader.complain(f"`budget: 0%`: nothing is ever tried again; {instead}", key="budget")
    return spec


def _read_methods(reader: OptionReader, key: str) -> tuple[str, ...]:
    """Methods to try again; one that is not idempotent stands there only together with `non_idempotent: true`."""
    has_risk = False
    found: dict[str, None] = {}
    for each in reader.texts(key):
        method = each.value
        found[method] = None
        if not _METHOD.fullmatch(method):
            hint = did_you_mean(method.upper(), _IDEMPOTENT)
            each.complain(f"{each.shown} is not a method in upper case (RFC 9110 section 9.1)", hint)
        elif method in ("CONNECT", "TRACE"):
            each.complain(f"{each.shown} is never routed")
        elif method not in _IDEMPOTENT:
            has_risk = True
            if not reader.flag("non_idempotent"):
                hint = "if doing it twice does no harm, write `non_idempotent: true` beside it"
                each.complain(f"{each.shown} is not idempotent: a second try may do it twice", hint)
    if reader.flag("non_idempotent") and not has_risk:
        reader.complain("`non_idempotent` has no effect: all of `methods` are idempotent", key="non_idempotent")
    return tuple(found) if isinstance(reader.raw(key), list) else _IDEMPOTENT


def read_hedge(holder: OptionReader, total: float) -> Hedge | None:
    """`hedge` of an upstream whose exchanges take `total` seconds at most."""
    if "hedge" not in holder:
        return None
    reader = holder.section("hedge")
    named = reader.text("after")
    quantile = 0.0 if _is_duration(reader, "after") else int(named[1:] if named in PERCENTILES else 95) / 100
    spec = read(Hedge, reader, quantile=quantile)
    if spec.after >= total:
        reader.complain(f"`after` has no effect: every exchange ends at {total:g}s", key="after")
    return spec


def _seconds(reader: OptionReader, key: str) -> float:
    """Seconds of a duration; 0 for what is none, and for what is not written."""
    return units.parse_duration(reader.text(key)) if _is_duration(reader, key) else 0.0


def _read_limit(reader: OptionReader, key: str) -> int | None:
    limit = reader.raw(key)
    return limit if type(limit) is int else None


def _is_duration(reader: OptionReader, key: str) -> bool:
    return re.fullmatch(units.POSITIVE_DURATION[1:-1], reader.text(key)) is not None
