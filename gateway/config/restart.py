"""What a reload cannot change, because only the master or a new listener could."""

from __future__ import annotations

from gateway.config.complaints import Complaint
from gateway.config.model import Server

ONLY_BY_RESTART = ("bind", "admin", "workers", "connections", "graceful_timeout", "proxy_protocol")
"""And whether there is `tls`; certificates, limits, keepalive and all the rest are taken over while serving."""


def needs_restart(old: Server, new: Server) -> tuple[Complaint, ...]:
    """A complaint for each setting in which `new` differs from what was started with and that needs a restart."""
    found = [
        _complaint(new, name, f"it is {_words(getattr(old, name))}, the file says {_words(getattr(new, name))}")
        for name in ONLY_BY_RESTART
        if getattr(old, name) != getattr(new, name)
    ]
    if (old.tls is None) != (new.tls is None):
        found.append(_complaint(new, "tls", f"TLS is {'off' if old.tls is None else 'on'}"))
    return tuple(found)


def _complaint(server: Server, name: str, difference: str) -> Complaint:
    file, _, line = server.where.rpartition(":")
    message = f"cannot be changed by a reload: {difference}"
    return Complaint(file, int(line), 1, f"server.{name}", message, "restart, or upgrade in place with SIGUSR2")


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}s"
    return "auto" if value is None else str(value)
