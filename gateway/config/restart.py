"""What a reload cannot change, because only the master or a new listener could."""

from __future__ import annotations

from gateway.config.complaints import Complaint
from gateway.config.model import Document, Server

HINT = "restart, or upgrade in place with SIGUSR2"
ONLY_BY_RESTART = ("bind", "admin", "workers", "connections", "graceful_timeout", "drain_delay", "proxy_protocol")
"""And whether there is `tls`; certificates, limits, keepalive and all the rest are taken over while serving."""


def needs_restart(started_with: Document, document: Document) -> tuple[Complaint, ...]:
    """A complaint for each setting in which a document differs from what was started with and that needs a restart."""
    old, new = started_with.server, document.server
    found = [
        _complaint(new, name, f"it is {_words(getattr(old, name))}, the file says {_words(getattr(new, name))}")
        for name in ONLY_BY_RESTART
        if getattr(old, name) != getattr(new, name)
    ]
    if (old.tls is None) != (new.tls is None):
        found.append(_complaint(new, "tls", f"TLS is {'off' if old.tls is None else 'on'}"))
    if document.is_observed and not started_with.is_observed:
        words = "cannot be turned on by a reload: the process that observes is not there"
        found.append(Complaint(document.file, 1, 1, "observability", words, HINT))
    if started_with.metrics.series != document.metrics.series:
        words = "cannot be changed by a reload: the room for counts is made at the start"
        found.append(Complaint(document.file, 1, 1, "observability.metrics.series", words, HINT))
    if started_with.store != document.store:
        # SECURITY: an address may hold a password, so neither is shown.
        words = "cannot be changed by a reload: what the old one holds would be lost to half of the workers"
        found.append(Complaint(document.file, 1, 1, "store", words, HINT))
    return tuple(found)


def _complaint(server: Server, name: str, difference: str) -> Complaint:
    file, _, line = server.where.rpartition(":")
    message = f"cannot be changed by a reload: {difference}"
    return Complaint(file, int(line), 1, f"server.{name}", message, HINT)


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}s"
    return "auto" if value is None else str(value)
