"""Asking whether what is stored still holds, and taking the answer (RFC 9111 section 4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.cache import vary as varying
from gateway.cache.freshness import initial_age
from gateway.cache.response_directives import ResponseDirectives
from gateway.cache.rules import CacheOptions
from gateway.cache.stored_response import StoredResponse, rebuilt
from gateway.exchange import Headers

#: what describes the body that is stored and not the one that was not sent (RFC 9111 section 3.2); Vary is added to
_KEPT: Final = frozenset(("content-encoding", "content-length", "content-range", "vary"))
#: RFC 5861 section 4
_ERRORS: Final = frozenset((500, 502, 503, 504))


def conditional(stored: StoredResponse) -> Headers:
    """The preconditions to ask with; none where the answer has no validator."""
    fields: Headers = []
    if stored.etag is not None:
        fields.append(("If-None-Match", stored.etag))
    if stored.last_modified is not None:
        fields.append(("If-Modified-Since", stored.last_modified))
    return fields


def agrees(stored: StoredResponse, headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a 304 is about this answer (RFC 9111 section 4.3.4).

    Tags are compared weakly, because an answer that was compressed here has a weaker one than the origin's.
    NOTE: a 304 that names no validator answers the one question that was asked.
    """
    facts = ResponseDirectives.of(headers)
    if facts.etag is not None and stored.etag is not None:
        return opaque(facts.etag) == opaque(stored.etag)
    if facts.modified is not None and stored.last_modified is not None:
        return facts.modified == stored.last_modified
    return facts.etag is None


def head_agrees(stored: StoredResponse, headers: Iterable[tuple[str, str]]) -> bool:
    """Whether the 200 to a HEAD describes this answer, which then may be freshened (RFC 9111 section 4.3.5)."""
    fields = list(headers)
    facts = ResponseDirectives.of(fields)
    if facts.etag is not None and (stored.etag is None or opaque(facts.etag) != opaque(stored.etag)):
        return False
    if facts.modified is not None and facts.modified != stored.last_modified:
        return False
    lengths = {value.strip() for name, value in fields if name.lower() == "content-length"}
    is_coded = any(name.lower() == "content-encoding" for name, _ in stored.headers)
    return facts.has_validator and (is_coded or lengths <= {str(stored.length)})


def freshened(
    stored: StoredResponse,
    request_headers: Headers,
    headers: Iterable[tuple[str, str]],
    times: tuple[float, float],
    rules: CacheOptions,
) -> StoredResponse:
    """The stored answer with the fields of a 304, or of the answer to a HEAD, in place of its own (section 3.2)."""
    came = list(headers)
    added = [field for field in came if field[0].lower() not in _KEPT]
    if stored.etag is not None:  # its weakness is that of the stored body
        added = [field for field in added if field[0].lower() != "etag"]
    # without a new Date the old one would make it old
    gone = {name.lower() for name, _ in added} | {"date"}
    merged = [field for field in stored.headers if field[0].lower() not in gone] + added
    merged.extend(_new_vary(stored.headers, came))
    names = varying.names(merged, rules)
    vary = None if names is None else varying.selecting(names, request_headers, rules)
    return rebuilt(
        stored.status, merged, stored.length, times, initial_age(ResponseDirectives.of(came), *times), vary, rules
    )


def is_error(status: int) -> bool:
    """Whether an answer is one of those instead of which a stale one is given (RFC 5861 section 4)."""
    return status in _ERRORS


def opaque(tag: str) -> str:
    """An entity tag for the weak comparison (RFC 9110 section 8.8.3.2)."""
    return tag.removeprefix("W/")


def _new_vary(stored: Iterable[tuple[str, str]], came: Iterable[tuple[str, str]]) -> Headers:
    known = {value.lower() for name, value in stored if name.lower() == "vary"}
    return [field for field in came if field[0].lower() == "vary" and field[1].lower() not in known]
