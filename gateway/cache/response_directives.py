"""Cache-Control directives of an answer (RFC 9111 section 5.2.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from gateway.cache.cache_control import NOTHING, Directives, parse, targeted
from gateway.cache.rules import CacheOptions
from gateway.http.dates import seconds_of

#: what has a lifetime of the route's where the origin gives none
TAKEN: Final = frozenset((200, 203, 204, 300, 301, 308, 404, 410))
_READ: Final = frozenset(
    ("age", "cache-control", "cdn-cache-control", "date", "etag", "expires", "last-modified", "set-cookie", "vary")
)


@dataclass(frozen=True, slots=True)
class ResponseDirectives:
    """The fields of an answer that decide; dates are seconds since 1970, None = not there, or not to be read."""

    control: Directives
    #: every Expires line; they have no place where a targeted field decides (RFC 9213 section 2.2)
    expires: tuple[str, ...]
    date: int | None
    last_modified: int | None
    age: str | None
    vary: str | None
    #: entity tag and Last-Modified as they came
    etag: str | None
    modified: str | None
    sets_cookie: bool

    @classmethod
    def of(cls, headers: Iterable[tuple[str, str]]) -> ResponseDirectives:
        """Read the headers, once."""
        found: dict[str, list[str]] = {}
        for name, value in headers:
            lower = name.lower()
            if lower in _READ:
                found.setdefault(lower, []).append(value.strip(" \t"))
        aimed = targeted(", ".join(found["cdn-cache-control"])) if "cdn-cache-control" in found else None
        date, modified = _only(found, "date"), _only(found, "last-modified")
        return cls(
            _control(found) if aimed is None else aimed,
            tuple(found.get("expires", ())) if aimed is None else (),
            seconds_of(date) if date else None,
            seconds_of(modified) if modified else None,
            found["age"][0] if "age" in found else None,
            ", ".join(found["vary"]) if "vary" in found else None,
            _only(found, "etag"),
            modified,
            "set-cookie" in found,
        )

    @property
    def has_validator(self) -> bool:
        """Whether another answer can be compared with this one."""
        return self.etag is not None or self.last_modified is not None

    def under(self, rules: CacheOptions, status: int) -> ResponseDirectives:
        """The facts that count on a route: one that does not respect the origin has the last word on freshness."""
        if rules.respect_origin or status not in TAKEN:
            return self
        control = replace(
            self.control,
            max_age=None,
            s_maxage=None,
            stale_while_revalidate=None,
            stale_if_error=None,
            no_cache=False,
            must_revalidate=False,
            proxy_revalidate=False,
        )
        return replace(self, control=control, expires=())


def _control(found: dict[str, list[str]]) -> Directives:
    return parse(", ".join(found["cache-control"])) if "cache-control" in found else NOTHING


def _only(found: dict[str, list[str]], name: str) -> str | None:
    """The value of a field that stands once; one that is there twice says nothing that could be relied on."""
    values = found.get(name)
    return values[0] if values is not None and len(values) == 1 and values[0] else None
