"""Upstreams and their targets as the admin API tells of them, seen from the observer: it looks and asks nobody."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final, cast

from gateway._fast.target_stats import now_ms
from gateway.config.model import Document
from gateway.config.resources import RuntimeResources
from gateway.upstream.admin_rows import upstream_row
from gateway.upstream.attempts import RetryingUpstream
from gateway.upstream.compile import UpstreamBuilder
from gateway.upstream.pool.pool import TargetPool
from gateway.upstream.target_state import KEEP_EVERY, TargetStateTable
from gateway.upstream.targets import Target

log = logging.getLogger("gateway")

#: milliseconds after which a found target that no worker names is gone
GONE_AFTER: Final = 2 * KEEP_EVERY


class UpstreamStatus:
    """The upstreams of the current configuration."""

    def __init__(self, traffic: TargetStateTable) -> None:
        self._traffic = traffic
        self._document: Document | None = None
        self._attempts: list[RetryingUpstream] = []
        self._found: dict[tuple[str, str], Target] = {}

    def configure(self, document: Document) -> None:
        """Take a configuration. Nothing of it is connected to; targets that discovery finds are seen in the page."""
        resources = RuntimeResources(traffic=self._traffic)
        services = UpstreamBuilder(resources, lambda where, path, message: log.debug("%s %s: %s", where, path, message))
        for spec in document.upstreams:
            try:
                services.build(spec)
            except Exception as error:  # the workers could; what is shown is less than what serves
                log.warning("the observer does not see the upstream %s: %s", spec.name, error)
        self._document, self._attempts, self._found = document, services.attempts, {}

    def rows(self, seen: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
        """Each upstream as JSON; `seen` are the (upstream, address) that were ever asked, among them the found ones."""
        document = self._document
        if document is None:
            return []
        specs = {spec.name: spec for spec in document.upstreams}
        found = [attempts for attempts in self._attempts if specs[attempts.name].discovery is not None]
        for attempts in found:
            addresses = [address for name, address in seen if name == attempts.name]
            attempts.fleet.replace([target for each in addresses if (target := self._target(attempts, each))])
        rows = [upstream_row(attempts, specs[attempts.name]) for attempts in self._attempts]
        for row in rows:
            if row["limit"] is not None and row["limit"]["adaptive"]:
                row["limit"] = None  # each worker finds its own, and this process asks nobody
        return rows

    def _target(self, attempts: RetryingUpstream, address: str) -> Target | None:
        """A target that discovery found, as long as some worker has it in its plan."""
        key = attempts.name, address
        named = self._traffic.last_named(*key)
        if named is None or now_ms() - named > GONE_AFTER:
            self._found.pop(key, None)
            return None
        if key not in self._found:
            # It is looked at and never asked, so it needs no connections.
            state = self._traffic.target(*key)
            self._found[key] = Target(address, cast(TargetPool, None), state)
        return self._found[key]
