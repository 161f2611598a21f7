"""An answer that is stored, with all that was decided about it when it came."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.cache import vary as varying
from gateway.cache.freshness import initial_age, is_strict, lifetime, windows
from gateway.cache.response_directives import ResponseDirectives
from gateway.cache.rules import CacheOptions
from gateway.exchange import Headers
from gateway.http.dates import date_of

#: what belongs to one message, not to the answer (RFC 9111 section 3.1); the length is that of what is sent
_UNSTORED: Final = frozenset(
    ("age", "connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-authentication-info",
     "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)  # fmt: skip
#: the cookies of gateway.upstream.balance.affinity
_OWN: Final = re.compile(r"gw_[0-9a-f]{8}=[0-9a-f]{8}; Path=/; HttpOnly; SameSite=Lax(?:; Secure)?")


def of_origin(headers: Iterable[tuple[str, str]]) -> Headers:
    """The fields without the cookies by which the gateway keeps a client where it is: each client has its own."""
    return [field for field in headers if not (field[0] == "Set-Cookie" and _OWN.fullmatch(field[1]))]


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """Times are seconds since 1970; `headers` are those that are sent, but for Age and Content-Length."""

    status: int
    headers: tuple[tuple[str, str], ...]
    #: bytes of the body
    length: int
    request_time: float
    response_time: float
    #: what the request said that it was chosen by; None = nobody can tell
    vary: varying.Selecting | None
    #: the age at which it came
    initial_age: float
    lifetime: float
    #: seconds past the lifetime in which it is given while it is fetched again, and on errors
    stale_while_revalidate: float
    stale_if_error: float
    #: whether it must not be given once it is stale, whatever the client allows
    is_strict: bool
    #: whether it must not be given before the origin said that it still holds
    no_cache: bool
    etag: str | None
    #: Last-Modified as it came, where it is a date
    last_modified: str | None


def stored(
    request_headers: Headers,
    status: int,
    headers: Iterable[tuple[str, str]],
    length: int,
    times: tuple[float, float],
    rules: CacheOptions,
) -> StoredResponse:
    """An answer as it came; `times` are when it was asked for and when its head came."""
    fields = tuple(headers)
    names = varying.names(fields, rules)
    chosen = None if names is None else varying.selecting(names, request_headers, rules)
    age = initial_age(ResponseDirectives.of(fields), *times)
    return rebuilt(status, fields, length, times, age, chosen, rules)


def rebuilt(
    status: int,
    headers: Iterable[tuple[str, str]],
    length: int,
    times: tuple[float, float],
    age: float,
    vary: varying.Selecting | None,
    rules: CacheOptions,
) -> StoredResponse:
    """A stored answer out of its parts, under the rules of whoever reads it; `age` is that at which it came."""
    kept = [field for field in of_origin(headers) if field[0].lower() not in _UNSTORED]
    own = ResponseDirectives.of(kept)
    if own.date is None:  # RFC 9110 section 6.6.1
        kept = [field for field in kept if field[0].lower() != "date"]
        kept.append(("Date", date_of(times[1])))
    facts = own.under(rules, status)
    while_fetched, on_error = windows(facts, rules)
    return StoredResponse(
        status,
        tuple(kept),
        length,
        *times,
        vary,
        age,
        lifetime(status, facts, rules, times[1]),
        while_fetched,
        on_error,
        is_strict(facts) or facts.control.s_maxage is not None,
        facts.control.no_cache,
        facts.etag,
        facts.modified if facts.last_modified is not None else None,
    )


def current_age(stored: StoredResponse, now: float) -> float:
    """Seconds since the origin made or confirmed it (RFC 9111 section 4.2.3)."""
    return stored.initial_age + max(0.0, now - stored.response_time)


def selects(stored: StoredResponse, request_headers: Headers, rules: CacheOptions) -> bool:
    """Whether a request would have been given this answer (RFC 9111 section 4.1)."""
    if stored.vary is None:
        return False
    return stored.vary == varying.selecting(tuple(name for name, _ in stored.vary), request_headers, rules)
