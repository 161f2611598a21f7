"""The answer to a request out of what is stored (RFC 9111 section 4.3.2, RFC 9110 sections 13 and 14)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from gateway.cache.ranges import Slices, slices
from gateway.cache.request_directives import RequestDirectives
from gateway.cache.response_directives import ResponseDirectives
from gateway.cache.revalidate import opaque
from gateway.cache.stored_response import StoredResponse
from gateway.exchange import Headers, Response
from gateway.http.dates import seconds_of

#: what a 304 carries of the answer that the client has (RFC 9110 section 15.4.5)
_IN_304: Final = frozenset(
    ("cache-control", "cdn-cache-control", "content-location", "date", "etag", "expires", "last-modified", "vary")
)


def respond_from_cache(asked: RequestDirectives, stored: StoredResponse, body: bytes, age: int) -> Response:
    """The whole, a part of it, or the word that the client has it already; `age` is whole seconds."""
    if not asked.is_plain and stored.status == 200:
        if is_not_modified(asked, stored):
            headers = [field for field in stored.headers if field[0].lower() in _IN_304]
            return Response(304, [*headers, ("Age", str(age))])
        if asked.method == "GET" and asked.range is not None and _is_range_wanted(asked, stored):
            wanted = slices(asked.range, len(body))
            if wanted is not None:
                return _part(stored, body, wanted, age)
    headers = [*stored.headers, ("Age", str(age))]
    if asked.method == "HEAD" and stored.status != 204:  # RFC 9110 section 8.6
        headers.append(("Content-Length", str(len(body))))
        return Response(stored.status, headers, b"", len(body))
    return Response(stored.status, headers, body)


def is_not_modified(asked: RequestDirectives, stored: StoredResponse) -> bool:
    """Whether the client has it: If-Modified-Since counts only without If-None-Match (RFC 9110 section 13.2.2)."""
    if asked.if_none_match is not None:
        return _is_listed(asked.if_none_match, stored.etag)
    if asked.if_modified_since is None:
        return False
    since = seconds_of(asked.if_modified_since)
    if since is None:
        return False
    facts = ResponseDirectives.of(stored.headers)
    # without Last-Modified it is the Date that tells (RFC 9111 section 4.3.2)
    changed = facts.date if facts.last_modified is None else facts.last_modified
    return changed is not None and changed <= since


def _is_listed(field: str, tag: str | None) -> bool:
    if field.strip(" \t") == "*":
        return True
    return tag is not None and opaque(tag) in {opaque(each) for each in _tags(field)}


def _tags(field: str) -> list[str]:
    """The entity tags of a list; a comma may stand within one (RFC 9110 section 8.8.3)."""
    found, at = [], 0
    while (start := field.find('"', at)) >= 0:
        end = field.find('"', start + 1)
        if end < 0:
            break
        found.append(field[start : end + 1])
        at = end + 1
    return found


def _is_range_wanted(asked: RequestDirectives, stored: StoredResponse) -> bool:
    """If-Range: a part is of use only to who has the same; compared strongly (RFC 9110 section 13.1.5)."""
    condition = asked.if_range
    if condition is None:
        return True
    condition = condition.strip(" \t")
    if condition.startswith('"'):
        return condition == stored.etag
    facts = ResponseDirectives.of(stored.headers)
    is_strong = facts.date is not None and facts.last_modified is not None and facts.last_modified < facts.date
    return is_strong and condition == stored.last_modified


def _part(stored: StoredResponse, body: bytes, wanted: Slices, age: int) -> Response:
    """206 with one part or several, or 416 where none of them is there (RFC 9110 sections 15.3.7 and 15.5.17)."""
    size, told = len(body), ("Age", str(age))
    if not wanted:
        return Response(416, [("Content-Range", f"bytes */{size}"), ("Content-Length", "0"), told])
    if len(wanted) == 1:
        start, stop = wanted[0]
        span = ("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        return Response(206, [*stored.headers, span, told], body[start:stop])
    return _parts(stored, body, wanted, told)


def _parts(stored: StoredResponse, body: bytes, wanted: Slices, told: tuple[str, str]) -> Response:
    """multipart/byteranges (RFC 9110 section 14.6)."""
    boundary = blake2b(repr((stored.response_time, stored.etag, wanted)).encode(), digest_size=16).hexdigest()
    headers: Headers = [field for field in stored.headers if field[0].lower() != "content-type"]
    kind = "".join(f"Content-Type: {value}\r\n" for name, value in stored.headers if name.lower() == "content-type")
    pieces: list[bytes] = []
    for start, stop in wanted:
        head = f"--{boundary}\r\n{kind}Content-Range: bytes {start}-{stop - 1}/{len(body)}\r\n\r\n"
        pieces += (head.encode("latin-1"), body[start:stop], b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    headers += (("Content-Type", f"multipart/byteranges; boundary={boundary}"), told)
    return Response(206, headers, b"".join(pieces))
