"""The user's configuration as it is measured: on free ports of 127.0.0.1, and with no way to reach or to wake anybody.

Documents are values, so what is changed is said here in one place; no file is written and no secret leaves memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from gateway.alerting.options import Alerting
from gateway.auth.model import Jwt, Provider, Session
from gateway.config.model import Document, Route
from gateway.ratelimit.options import FASTEST, Rate, RateLimit
from gateway.upstream.options import GRPC_SCHEMES, Target, Upstream

#: requests that a lifted limit lets through: it is asked, and never says no
_LIFTED = Rate(FASTEST, 1, FASTEST)


@dataclass(frozen=True, slots=True)
class Settings:
    """What is tuned. Seconds for `keepalive`; `workers` is never auto."""

    workers: int
    connections: int
    backlog: int = 2048
    keepalive: float = 75.0

    def overrides(self) -> dict[str, Any]:
        """The same in gunicorn's names."""
        return {"workers": self.workers, "backlog": self.backlog}


@dataclass(frozen=True, slots=True)
class Place:
    """The ports of one measured gateway; `echo` 0 leaves the upstreams as they are written."""

    port: int
    admin: int
    echo: int


def tuned_config(document: Document, settings: Settings, place: Place) -> Document:
    """`document` with these settings, for this machine alone."""
    server = replace(
        document.server,
        bind=(f"127.0.0.1:{place.port}",),
        admin=f"127.0.0.1:{place.admin}",
        admin_token="",
        workers=settings.workers,
        connections=settings.connections,
        keepalive=settings.keepalive,
        graceful_timeout=1.0,
        drain_delay=0.0,
        tls=None,
        proxy_protocol=False,
    )
    routes = tuple(replace(route, rate_limit=_lifted(route.rate_limit)) for route in document.routes)
    upstreams = document.upstreams
    if place.echo:
        upstreams = tuple(_to_echo(upstream, place.echo) for upstream in upstreams)
    tracing = document.tracing and replace(
        document.tracing, otlp=f"http://127.0.0.1:{place.echo or place.admin}/v1/traces", headers=()
    )
    return replace(
        document,
        server=server,
        store="memory",
        upstreams=upstreams,
        routes=routes,
        rate_limits=_lifted(document.rate_limits),
        access_log=replace(document.access_log, to="/dev/null"),
        statsd=document.statsd and replace(document.statsd, host="127.0.0.1", port=place.port),
        tracing=tracing,
        alerting=Alerting(),
        audit=None,
        files=(),  # a file that is changed meanwhile must not have the true configuration served
        patterns=(),
    )


def _lifted(limits: tuple[RateLimit, ...]) -> tuple[RateLimit, ...]:
    return tuple(
        replace(
            limit, rate=_LIFTED, plans=tuple((name, _LIFTED) for name, _ in limit.plans), is_leased=False, penalty=None
        )
        for limit in limits
    )


def _to_echo(upstream: Upstream, port: int) -> Upstream:
    scheme = "grpc" if upstream.is_grpc else "http"
    target = Target(f"{scheme}://127.0.0.1:{port}", scheme, "127.0.0.1", port, "", 1)
    return replace(upstream, targets=(target,), discovery=None, health=None, activate=None)


def changes(document: Document, route: Route, *, is_echo: bool) -> list[str]:
    """What is measured otherwise than it is configured, in sentences; what was not there is not told."""
    server = document.server
    told = {
        "Upstreams are replaced by an echo on this machine: its answers are quick, yours are not.": is_echo,
        "Upstreams over TLS, or several targets, cost more than the echo.": is_echo and _is_plainer(document),
        "TLS towards clients is off: a handshake costs far more than a request.": server.tls is not None,
        "PROXY protocol headers are off.": server.proxy_protocol,
        "Rate limits are asked, and never refuse.": bool(document.rate_limits or route.rate_limit),
        "The store is in memory: what Redis adds is not in these figures.": document.store != "memory",
        "Cached answers are measured as hits.": route.cache is not None,
        "Alerts are off, metrics and traces go nowhere.": bool(
            document.alerting.alerts or document.statsd or document.tracing
        ),
        "The audit log is off.": document.audit is not None,
        "Keys of tokens are fetched from where they are published.": any(map(_fetches, document.providers)),
    }
    return [sentence for sentence, holds in told.items() if holds]


def _is_plainer(document: Document) -> bool:
    return any(
        len(upstream.targets) != 1 or upstream.targets[0].scheme not in ("http", "unix", *GRPC_SCHEMES)
        for upstream in document.upstreams
    )


def _fetches(provider: Provider) -> bool:
    method = provider.method
    return (isinstance(method, Jwt) and method.jwks is not None) or (
        isinstance(method, Session) and method.oidc is not None
    )
