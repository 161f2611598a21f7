"""Parsers of an upstream's resilience: health, outlier, circuit_breaker, retry, hedge and overload."""

import re
from typing import Any

from gateway.config import units as values
from gateway.config.diagnostics import did_you_mean
from gateway.config.reader import OptionReader
from gateway.config.schema_parts import OFF
from gateway.config.yaml import SequenceNode
from gateway.upstream.resilience import schema as schema_traffic
from gateway.upstream.resilience.model import CircuitBreaker, Health, Hedge, Outlier, Overload, OwnRetry, Retry

_SERVICE = re.compile(r"/[A-Za-z0-9_.]{0,127}")
_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]+")
_IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""RFC 9110 section 9.2.2, without TRACE, which is never routed."""
_OWN = ("attempts", "on", "methods", "budget", "backoff", "max_body")
"""The keys of `retry` that are rules by themselves."""


def read_overload(holder: OptionReader) -> Overload | None:
    """`overload` of an upstream or of the server."""
    if "overload" not in holder:
        return None
    reader = holder.section("overload")
    limit = reader.raw("max_concurrency")
    return Overload(limit if type(limit) is int else None, reader.integer("queue"), reader.where)


def read_health(holder: OptionReader, is_grpc: bool) -> Health | None:
    """`health`; a check ends before the next one begins. Of targets that speak gRPC `path` names a service."""
    if "health" not in holder:
        return None
    reader = holder.section("health")
    every, timeout = reader.duration("every"), reader.duration("timeout")
    if timeout > every:
        key = "timeout" if "timeout" in reader else "every"
        reader.complain("`timeout` is longer than `every`: checks would overtake each other", key=key)
    path = reader.one("path")
    if is_grpc and path is not None and not _SERVICE.fullmatch(path.value):
        path.complain(f"{path.shown} names no service", "write /package.Service, or / for the whole server")
    return Health(
        path=reader.text("path"),
        every=every,
        timeout=timeout,
        fall=reader.integer("fall"),
        rise=reader.integer("rise"),
        expect=tuple(_items(reader, "expect", schema_traffic.EXPECT)),
        where=reader.where,
    )


def read_outlier(holder: OptionReader) -> Outlier | None:
    """`outlier`."""
    if "outlier" not in holder:
        return None
    reader = holder.section("outlier")
    return Outlier(
        consecutive_5xx=reader.integer("consecutive_5xx"),
        eject_for=reader.duration("eject_for"),
        max_ejected=_positive_share(reader, "max_ejected", "no target is ever left out"),
        where=reader.where,
    )


def read_circuit_breaker(holder: OptionReader, total: float) -> CircuitBreaker | None:
    """`circuit_breaker` of an upstream whose exchanges take `total` seconds at most."""
    if "circuit_breaker" not in holder:
        return None
    reader = holder.section("circuit_breaker")
    has_slow = "slow_call" in reader
    slow_call = values.parse_duration(reader.text("slow_call")) if _is_duration(reader, "slow_call") else 0.0
    if "slow_rate" in reader and not has_slow:
        reader.complain("`slow_rate` has no effect without `slow_call`", key="slow_rate")
    if slow_call >= total:
        reader.complain(f"`slow_call` has no effect: every exchange ends at {total:g}s", key="slow_call")
    return CircuitBreaker(
        failure_rate=_positive_share(reader, "failure_rate", "it would open without a failure"),
        slow_call=slow_call,
        slow_rate=_positive_share(reader, "slow_rate", "it would open without a slow call"),
        window=reader.duration("window"),
        min_requests=reader.integer("min_requests"),
        open_for=reader.duration("open_for"),
        half_open=reader.integer("half_open"),
        where=reader.where,
    )


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
    return Retry(
        attempts=reader.integer("attempts"),
        on=tuple(_items(reader, "on", schema_traffic.RETRY_ON)),
        methods=_methods(reader),
        budget=_positive_share(reader, "budget", f"nothing is ever tried again; {instead}"),
        backoff=reader.duration("backoff"),
        max_body=reader.size("max_body"),
        where=reader.where,
    )


def _methods(reader: OptionReader) -> tuple[str, ...]:
    """Methods to try again; one that is not idempotent stands there only together with `non_idempotent: true`."""
    has_risk = False
    for text in reader.texts("methods"):
        method = text.value
        if not _METHOD.fullmatch(method):
            hint = did_you_mean(method.upper(), _IDEMPOTENT)
            text.complain(f"{text.shown} is not a method in upper case (RFC 9110 section 9.1)", hint)
        elif method in ("CONNECT", "TRACE"):
            text.complain(f"{text.shown} is never routed")
        elif method not in _IDEMPOTENT:
            has_risk = True
            if not reader.flag("non_idempotent"):
                hint = "if doing it twice does no harm, write `non_idempotent: true` beside it"
                text.complain(f"{text.shown} is not idempotent: a second try may do it twice", hint)
    if reader.flag("non_idempotent") and not has_risk:
        reader.complain("`non_idempotent` has no effect: all of `methods` are idempotent", key="non_idempotent")
    return tuple(_items(reader, "methods", schema_traffic.RETRY_METHODS))


def read_hedge(holder: OptionReader, total: float) -> Hedge | None:
    """`hedge` of an upstream whose exchanges take `total` seconds at most."""
    if "hedge" not in holder:
        return None
    reader = holder.section("hedge")
    after, quantile = 0.0, 0.0
    if _is_duration(reader, "after"):
        after = values.parse_duration(reader.text("after"))
        if after >= total:
            reader.complain(f"`after` has no effect: every exchange ends at {total:g}s", key="after")
    else:
        named = reader.text("after")
        quantile = int(named[1:] if named in schema_traffic.PERCENTILES else 95) / 100
    return Hedge(after, quantile, _positive_share(reader, "max", "there is never a second try"), reader.where)


def _is_duration(reader: OptionReader, key: str) -> bool:
    return re.fullmatch(values.POSITIVE_DURATION[1:-1], reader.text(key)) is not None


def _positive_share(reader: OptionReader, key: str, why: str) -> float:
    share = reader.share(key)
    if share == 0:
        reader.complain(f"`{key}: 0%`: {why}", key=key)
    return share


def _items(reader: OptionReader, key: str, default: tuple[Any, ...]) -> tuple[Any, ...]:
    """Statuses and words in a list, each once; references that stand for nothing are left out."""
    items = reader.raw(key)
    if not isinstance(items, SequenceNode):
        return default
    return tuple(dict.fromkeys(item for item in items if type(item) in (int, str)))
