"""Active health checks, made by one worker of the host for all of them: what they find is shared through the page."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

import gevent

from gateway._fast.http1_client import WireError, talk
from gateway._fast.target_stats import now_ms
from gateway.exchange import Exchange
from gateway.upstream import override
from gateway.upstream.failures import CONNECT_ERRORS
from gateway.upstream.resilience import health_check as health
from gateway.upstream.resilience.health_check import HealthCheckPolicy
from gateway.upstream.target_state import advance
from gateway.upstream.targets import Target, TargetSet

log = logging.getLogger("gateway")

LOOK_EVERY: Final = 0.05
#: checks on their way at once; more of them wait for the next look
AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class CheckedTarget:
    """An upstream whose targets are checked, with the path to ask for."""

    fleet: TargetSet
    rules: HealthCheckPolicy
    path: str


class HealthChecker:
    """The checks of one worker; it does nothing unless `may_lead` says that it is this worker's turn."""

    def __init__(self, checks: Callable[[], Sequence[CheckedTarget]], may_lead: Callable[[], bool]) -> None:
        """`checks` gives what the current plan asks for."""
        self._checks = checks
        self._may_lead = may_lead
        self._due: dict[Target, int] = {}
        self._running: set[Target] = set()

    def run_forever(self) -> None:
        """Look for what is due until killed."""
        while True:
            gevent.sleep(LOOK_EVERY)
            try:
                self._look()
            except Exception:
                log.exception("looking for due health checks failed")

    def _look(self) -> None:
        checks = self._checks()
        if not checks or not self._may_lead():
            self._due.clear()
            return
        now = now_ms()
        known: dict[Target, int] = {}
        for checked in checks:
            for target in checked.fleet.targets:
                due = self._due.get(target)
                if due is None:
                    due = health.first_check(now, random.random(), checked.rules)
                if now >= due and target not in self._running and len(self._running) < AT_ONCE:
                    due = health.next_check(now, random.random(), checked.rules)
                    self._running.add(target)
                    gevent.spawn(self._check, checked, target)
                known[target] = due
        self._due = known

    def _check(self, checked: CheckedTarget, target: Target) -> None:
        try:
            if override.mode(target.state.override.load()) != override.DISABLE:
                self._tell(checked, target, ask(target, checked.path, checked.rules.timeout / 1000))
        except Exception:
            log.exception("the health check of %s failed", target.address)
        finally:
            self._running.discard(target)

    def _tell(self, checked: CheckedTarget, target: Target, status: int) -> None:
        now = now_ms()
        before, after = advance(target.state.health, health.observe, status, now, checked.rules)
        if before & 3 == after & 3:
            return
        if health.is_up(after) and before & 3 == health.DOWN:
            target.state.come_back(now)
        level = logging.INFO if health.is_up(after) else logging.WARNING
        opinion = health.read(after)
        answer = f"status {status}" if status else "no answer in time"
        log.log(level, "%s of %s is %s: %s", target.address, checked.fleet.name, opinion.state, answer)


def ask(target: Target, path: str, timeout: float) -> int:
    """The status with which a target answers GET `path` within `timeout` seconds; 0 for none.

    On a connection of its own: the pool's may all be in use, which says nothing about the target's health.
    """
    deadline = monotonic() + timeout
    try:
        connection = target.pool.extra(timeout)
    except CONNECT_ERRORS:
        return 0
    exchange = Exchange("GET", path, [("User-Agent", "gateway-health"), ("Accept", "*/*")], {}, monotonic())
    exchange.authority, exchange.scheme, exchange.version = connection.default_host, "http", "1.1"
    exchange.peer = exchange.client = ""
    exchange.trusted = False
    exchange.request_id = "health"
    try:
        if target.pool.is_grpc:
            from gateway.upstream.resilience import grpc_health  # PERF: and an extra, for targets that speak it

            return grpc_health.ask(connection, path, timeout, deadline)
        return int(talk(exchange, connection, timeout, deadline, b"", lambda error: error).status)
    except (WireError, OSError):
        return 0
    finally:
        connection.close()
