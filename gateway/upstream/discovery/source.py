"""Sources of an upstream's targets, and subscriptions to them.

A finder asks (DNS, Kubernetes) and tells its source; the source keeps the last answer, whatever fails later, and hands
it to the fleets of the plan that serves.  Each worker finds for itself: a worker that dies leaves nothing to be taken
over, and what a worker asks for is little (docs/decisions/0005-discovery.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import gevent
from gevent.event import Event

from gateway._fast.target_stats import now_ms
from gateway.contracts import Fetch
from gateway.exchange import Exchange, Response
from gateway.upstream.pool.registry import PoolKey
from gateway.upstream.targets import Target, TargetSet

log = logging.getLogger("gateway")

#: seconds until a finder that broke is started again
RESTART = 5.0


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """An address that was found: IPv4 or IPv6 without brackets."""

    host: str
    port: int
    weight: int = 1

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Resolver(Protocol):
    """Looks for endpoints as long as it is let."""

    def run(self, found: Callable[[Iterable[Endpoint]], None], failed: Callable[[str], None]) -> None:
        """Call `found` with all endpoints whenever they may have changed, `failed` when they cannot be known."""
        ...


class Source:
    """What one finder says. `error` is "" while all is well."""

    __slots__ = (
        *("_changed", "_finder", "_greenlet", "_is_told", "_settled"),
        *("endpoints", "error", "follows", "name", "since"),
    )

    def __init__(self, name: str, finder: Resolver, changed: Callable[[], None]) -> None:
        self.name = name
        self.endpoints: tuple[Endpoint, ...] = ()
        self.error = ""
        #: monotonic seconds of the last good answer; 0 = there was none yet
        self.since = 0.0
        self.follows: tuple[DiscoverySubscription, ...] = ()
        self._finder = finder
        self._changed = changed
        self._is_told = True
        self._settled = Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the first question has been answered, or could not be."""
        return self._settled.is_set()

    def wait(self, timeout: float) -> None:
        """Until the first answer, or for `timeout` seconds."""
        self._settled.wait(max(0.0, timeout))

    def start(self) -> None:
        """Begin to look, unless it has begun."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Look no more; what was found stays."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None

    def found(self, endpoints: Iterable[Endpoint]) -> None:
        """All that there are now: targets come and go by it."""
        fresh = tuple(sorted(set(endpoints)))
        if self.error:
            log.info("%s answers again", self.name)
        are_late = self.since > 0.0
        self.error, self.since = "", monotonic()
        if fresh != self.endpoints or not self._is_told:
            self._tell(fresh)
            # A fleet that cannot have them, for a certificate that is not there say, gets them with the next answer.
            self.endpoints, self._is_told = fresh, False
            for follow in self.follows:
                follow.update(are_late)
            self._is_told = True
            self._changed()
        self._settled.set()

    def catch_up(self) -> None:
        """Tell those who follow what may have changed since their plan was made; who cannot have it is told again."""
        try:
            for follow in self.follows:
                follow.update()
        except Exception:
            log.exception("%s: targets that were found cannot be used", self.name)
            self._is_told = False

    def failed(self, error: str) -> None:
        """What was found last holds on."""
        if error != self.error:
            kept = f"; its last {len(self.endpoints)} targets are kept" if self.endpoints else ""
            log.warning("%s: %s%s", self.name, error, kept)
        self.error = error
        self._settled.set()

    def _run(self) -> None:
        while True:
            try:
                self._finder.run(self.found, self.failed)
            except Exception:
                log.exception("%s failed", self.name)
                self.failed("the failure is in the log")
            gevent.sleep(RESTART)

    def _tell(self, fresh: tuple[Endpoint, ...]) -> None:
        before, after = {str(each) for each in self.endpoints}, {str(each) for each in fresh}
        changes = [f"+{each}" for each in sorted(after - before)] + [f"-{each}" for each in sorted(before - after)]
        log.info("%s: %d targets %s", self.name, len(fresh), " ".join(changes))


class DiscoverySubscription:
    """A fleet of one plan whose targets are what a source finds."""

    __slots__ = ("_key", "_known", "_target", "fleet", "source")

    def __init__(
        self, source: Source, fleet: TargetSet, key: Callable[[Endpoint], PoolKey], target: Callable[[Endpoint], Target]
    ) -> None:
        """`key` and `target` make an endpoint's; the fleet has what is known already."""
        self.source = source
        self.fleet = fleet
        self._key = key
        self._target = target
        self._known: tuple[tuple[Endpoint, Target], ...] = ()
        self.update()

    def update(self, are_late: bool = False) -> None:
        """Take what the source has; a target that stays is the same object. New ones that `are_late` start slowly."""
        known = dict(self._known)
        places = {(endpoint.host, endpoint.port) for endpoint in known}
        for endpoint in self.source.endpoints:
            if endpoint not in known:
                known[endpoint] = self._target(endpoint)
                # Another weight makes another target of the same place, which was there all the time.
                if are_late and (endpoint.host, endpoint.port) not in places:
                    known[endpoint].state.come_back(now_ms())
        self._known = tuple((endpoint, known[endpoint]) for endpoint in self.source.endpoints)
        self.fleet.replace([target for _, target in self._known])

    def pool_keys(self) -> frozenset[PoolKey]:
        """The pools of its targets."""
        return frozenset(self._key(endpoint) for endpoint in self.source.endpoints)


class Discovered:
    """An upstream over an upstream: who comes before the first answer of its source waits for that."""

    __slots__ = ("_fetch", "_patience", "_source")

    def __init__(self, fetch: Fetch, source: Source, patience: float) -> None:
        """`patience` in seconds."""
        self._fetch = fetch
        self._source = source
        self._patience = patience

    def before(self, fetch: Fetch) -> Fetch:
        """The same before another way to ask the same upstream."""
        return Discovered(fetch, self._source, self._patience).fetch

    def fetch(self, exchange: Exchange) -> Response:
        """The answer. Raises GatewayError."""
        if not self._source.is_settled:
            self._source.wait(min(self._patience, exchange.deadline - monotonic()))
        return self._fetch(exchange)
