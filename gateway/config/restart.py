"""Changes that a reload cannot make, because only the master or a new listener could."""

from __future__ import annotations

from gateway.config.diagnostics import Diagnostic
from gateway.config.model import Document

HINT = "restart, or upgrade in place with SIGUSR2"
KEPT = "restart; an upgrade in place keeps the room that there is"
ONLY_BY_RESTART = ("bind", "admin", "workers", "connections", "graceful_timeout", "drain_delay", "proxy_protocol")
"""And whether there is `tls`; certificates, limits, keepalive and all the rest are taken over while serving."""


def needs_restart(started_with: Document, document: Document) -> tuple[Diagnostic, ...]:
    """A complaint for each setting in which a document differs from what was started with and that needs a restart."""
    old, new = started_with.server, document.server
    found = [
        _complaint(document, name, f"it is {_words(getattr(old, name))}, the file says {_words(getattr(new, name))}")
        for name in ONLY_BY_RESTART
        if getattr(old, name) != getattr(new, name)
    ]
    if (old.tls is None) != (new.tls is None):
        found.append(_complaint(document, "tls", f"TLS is {'off' if old.tls is None else 'on'}"))
    if document.is_observed and not started_with.is_observed:
        words = "cannot be turned on by a reload: the process that observes is not there"
        found.append(_at(document, "observability", words))
    if started_with.metrics.series != document.metrics.series:
        words = "cannot be changed by a reload: the room for counts is made at the start"
        found.append(_at(document, "observability.metrics.series", words, hint=KEPT))
    if old.limit_keys != new.limit_keys:
        words = "cannot be changed by a reload: the room for limits is made at the start"
        found.append(_at(document, "server.limit_keys", words, new.where, hint=KEPT))
    if started_with.store != document.store:
        # SECURITY: an address may hold a password, so neither is shown.
        words = "cannot be changed by a reload: what the old one holds would be lost to half of the workers"
        found.append(_at(document, "store", words))
    return tuple(found)


def _complaint(document: Document, name: str, difference: str) -> Diagnostic:
    return _at(document, f"server.{name}", f"cannot be changed by a reload: {difference}", document.server.where)


def _at(document: Document, path: str, message: str, near: str = "", hint: str = HINT) -> Diagnostic:
    """A complaint where a setting stands; one that is not written any more has no line but that of what it was in."""
    return Diagnostic(*document.place(path, near or f"{document.file}:1"), path, message, hint)


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}s"
    return "auto" if value is None else str(value)
