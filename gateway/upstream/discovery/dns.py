"""Targets by DNS: every address of a name, asked for again when the answer's TTL has run out (RFC 1035, RFC 2782).

dnspython is imported with the first lookup: who uses no DNS discovery does not pay for it.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import gevent

from gateway.upstream.discovery.options import Dns
from gateway.upstream.discovery.source import Endpoint
from gateway.upstream.resilience.backoff import delay

if TYPE_CHECKING:
    from dns.resolver import Answer, Resolver

#: seconds; a TTL is taken as no less and no more
SHORTEST: Final = 1.0
LONGEST: Final = 300.0
#: seconds for one question
LIFETIME: Final = 5.0
#: seconds before a question that failed is asked again, by chance up to this, doubling up to ten times of it
BACKOFF: Final = 1.0
#: seconds until all are asked again where the addresses of one of several SRV records could not be found
RETRY: Final = 10.0
#: the share of the interval by which workers ask later than they could, so that they do not ask all at once
SPREAD: Final = 0.1

FAMILIES: Final = (("A", socket.AF_INET), ("AAAA", socket.AF_INET6))


class LookupFailed(Exception):
    """There was no answer, or none to use; in words."""


def interval(ttl: float, chance: float) -> float:
    """Seconds until the next question after an answer that holds for `ttl`; `chance` is 0..1."""
    return min(max(ttl, SHORTEST), LONGEST) * (1.0 + SPREAD * chance)


class DnsResolver:
    """Asks for a name's addresses, or for the SRV records of a name without a port."""

    def __init__(self, spec: Dns) -> None:
        self._spec = spec
        #: the last good answer to each question, addresses; "none" is an answer, too
        self._last: dict[tuple[str, str], list[str]] = {}

    def run(self, found: Callable[[Iterable[Endpoint]], None], failed: Callable[[str], None]) -> None:
        """Ask for ever."""
        failures = 0
        while True:
            try:
                endpoints, ttl = self.look()
            except LookupFailed as error:
                failures += 1
                failed(str(error))
                gevent.sleep(max(BACKOFF / 4, delay(failures, BACKOFF, random.random())))
            else:
                failures = 0
                found(endpoints)
                gevent.sleep(interval(ttl, random.random()))

    def look(self) -> tuple[list[Endpoint], float]:
        """(the endpoints now, how many seconds that holds). Raises LookupFailed."""
        resolver = _resolver(self._spec.server)
        if self._spec.port:
            addresses, ttl = self._addresses(resolver, self._spec.name)
            return [Endpoint(address, self._spec.port) for address in addresses], ttl
        return self._services(resolver)

    def _services(self, resolver: Resolver) -> tuple[list[Endpoint], float]:
        """By SRV records: the targets of the lowest priority that is there, by their weights."""
        answer = _ask(resolver, self._spec.name, "SRV")
        records = [record for record in answer if str(record.target) != "."]
        if not records:
            raise LookupFailed(f"{self._spec.name} says that the service is not there")
        first = min(record.priority for record in records)
        records = [record for record in records if record.priority == first]
        names = {str(record.target) for record in records}
        self._last = {asked: answer for asked, answer in self._last.items() if asked[0] in names}
        endpoints, ttl, error = [], _ttl(answer), ""
        for record in records:
            try:
                addresses, holds = self._addresses(resolver, str(record.target))
            except LookupFailed as failure:  # one name that fails does not hold up what the others say
                error = error or str(failure)
                addresses, holds = self._known(str(record.target)), RETRY
            endpoints += [Endpoint(address, record.port, max(1, record.weight)) for address in addresses]
            ttl = min(ttl, holds)
        if not endpoints:
            raise LookupFailed(error)
        return endpoints, ttl

    def _addresses(self, resolver: Resolver, name: str) -> tuple[list[str], float]:
        """The addresses of a name that can be reached from here. A family that fails keeps its last ones."""
        ttls: list[float] = []
        error = ""
        for kind, _ in FAMILIES:
            try:
                answer = _ask(resolver, name, kind)
            except LookupFailed as failure:
                error = error or str(failure)
            else:
                self._last[name, kind] = [record.address for record in answer]
                if self._last[name, kind]:
                    ttls.append(_ttl(answer))
        if not ttls:
            raise LookupFailed(error or f"{name} has no address")
        found = self._known(name)
        if not found:
            raise LookupFailed(f"{name} has no address that can be reached from here")
        return found, min(ttls)

    def _known(self, name: str) -> list[str]:
        """What was said last of the addresses of a name, those that can be reached from here."""
        known = [(family, address) for kind, family in FAMILIES for address in self._last.get((name, kind), ())]
        return [address for family, address in known if is_reachable(family, address)]


def is_reachable(family: int, address: str) -> bool:
    """Whether there is a route: without IPv6, addresses of it are not targets (RFC 6724 section 5, rule 1)."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))  # sends nothing
    except OSError:
        return False
    return True


def _resolver(server: str) -> Resolver:
    """Made anew for each lookup, so that a new resolv.conf is seen. Raises LookupFailed."""
    from dns.exception import DNSException
    from dns.resolver import Resolver

    try:
        made = Resolver(configure=not server)
    except DNSException as error:
        raise LookupFailed(f"no DNS server is known: {error}") from None
    if server:
        host, _, port = server.rpartition(":")
        made.nameservers = [host.strip("[]")]
        made.port = int(port)
    return made


def _ask(resolver: Resolver, name: str, kind: str) -> Answer:
    """The answer, which may be that the name has nothing of this kind. Raises LookupFailed."""
    from dns.exception import DNSException

    try:
        return resolver.resolve(name, kind, lifetime=LIFETIME, search=True, raise_on_no_answer=False)
    except (DNSException, OSError) as error:
        raise LookupFailed(f"{type(error).__name__} for {name} {kind}: {error}"[:300]) from None


def _ttl(answer: Answer) -> float:
    """How long the answer holds, the aliases on the way included."""
    return float(answer.chaining_result.minimum_ttl)
