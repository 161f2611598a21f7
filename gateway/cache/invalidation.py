"""Targets that an unsafe request invalidates (RFC 9111 section 4.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urljoin, urlsplit

#: RFC 9110 section 9.2.1; a method that nobody knows is not safe
_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
_PORTS: Final = {"http": 80, "https": 443}


def invalidated(method: str, status: int, url: str, headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The targets (path and query) whose answers no longer hold: the one of `url`, and what the answer names.

    url     of the request: scheme, authority and target
    SECURITY: Location and Content-Location count within the origin of `url` only (test_invalidation.py).
    """
    if method in _SAFE or not 200 <= status < 400:
        return ()
    rest = url.partition("://")[2]
    targets = [rest[rest.find("/") :]]
    for name, value in headers:
        if name.lower() in ("location", "content-location"):
            try:
                named = urljoin(url, value.strip(" \t"))
                is_ours = _origin(named) == _origin(url)
            except ValueError:  # no URL, or asked of none: it names nothing that could be kept
                continue
            if is_ours:
                targets.append(_target(named))
    return tuple(dict.fromkeys(targets))


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
