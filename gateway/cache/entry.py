"""Entries of the cache: an answer, the names that answers differ by, or that there is no use in keeping any.

In the store an entry is one line of JSON and the body behind it: nothing that comes from there is ever executed.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any, Final

from gateway.cache import vary as varying
from gateway.cache.response_directives import ResponseDirectives
from gateway.cache.rules import CacheOptions
from gateway.cache.stored_response import StoredResponse, rebuilt
from gateway.exchange import Headers, Response

FORMAT: Final = 1
#: seconds that anything is kept at most
LONGEST: Final = 86400.0
#: seconds past its use that an answer with a validator is kept, to be asked about
ASKED_ABOUT: Final = 300.0
#: what is remembered of the fields of requests, for each key: so many, of so many characters
ENDINGS: Final = 8
LENGTH: Final = 200


class Entry:
    """An answer with its body, and what it can be purged by.

    url     authority, path and query as clients ask
    stamp   the number of the last purge that was known when it was asked for
    marks   of `url` and `target`, by which it is purged
    """

    __slots__ = (
        "_ready", "_ready_at", "body", "checked", "fresh_until", "marks", "quiet_until", "route", "size", "stamp",
        "stored", "tags", "target", "url",
    )  # fmt: skip

    def __init__(
        self, stored: StoredResponse, body: bytes, url: str, route: str, tags: tuple[str, ...], stamp: int
    ) -> None:
        self.stored = stored
        self.body = body
        self.url = url
        self.target = url[url.find("/") :]
        self.marks = (variant_id(url), variant_id(self.target))
        self.route = route
        self.tags = tags
        self.stamp = stamp
        #: the version of the purges that it was last compared with
        self.checked = -1
        #: Unix time up to which a request without conditions is answered with it
        self.fresh_until = 0.0
        if not stored.no_cache:
            self.fresh_until = stored.response_time + stored.lifetime - stored.initial_age
        #: Unix time before which the upstream is not asked again after a failure
        self.quiet_until = 0.0
        fields = (*stored.headers, *(stored.vary or ()), *(("", tag) for tag in tags))
        self.size = len(body) + len(url) + sum(len(name) + len(value) + 150 for name, value in fields) + 600
        self._ready: Headers = []
        self._ready_at = -1

    @property
    def is_public(self) -> bool:
        """Whether the origin says that it is everybody's."""
        return ResponseDirectives.of(self.stored.headers).control.public

    def is_older(self, other: Entry) -> bool:
        """Whether it came before the other one."""
        return self.stored.response_time < other.stored.response_time

    def answer(self, now: float) -> Response:
        """The whole answer, while it is fresh. PERF: the fields are made once a second (perf/scenarios/cache-hit)."""
        second = int(now)
        if second != self._ready_at:
            stored = self.stored
            age = int(stored.initial_age + max(0.0, now - stored.response_time))
            told = ("Cache-Status", f"gateway; hit; ttl={int(self.fresh_until - now)}")
            self._ready = [*stored.headers, ("Age", str(age)), told]
            self._ready_at = second
        return Response(self.stored.status, self._ready.copy(), self.body)

    def kept_for(self, now: float) -> float:
        """Seconds that it may be of use from now on; 0 or less when it is of none."""
        stored = self.stored
        left = stored.lifetime - stored.initial_age - max(0.0, now - stored.response_time)
        left += max(stored.stale_while_revalidate, stored.stale_if_error)
        if stored.etag is not None or stored.last_modified is not None:
            left = max(left, 0.0) + ASKED_ABOUT
        return min(left, LONGEST)


class Variants:
    """The request headers that the answers of a key differ by."""

    __slots__ = ("_endings", "_lengths", "names", "size")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._lengths = frozenset(map(len, names))
        #: what the fields of requests come to. PERF: they say the same again and again (perf/scenarios/cache-hit)
        self._endings: dict[tuple[tuple[str, str], ...], str] = {}
        self.size = 200 + sum(map(len, names)) + ENDINGS * 100

    def key(self, key: str, headers: Headers, rules: CacheOptions) -> str:
        """The key of the answer for a request with these headers."""
        lengths = self._lengths
        fields = tuple([field for field in headers if len(field[0]) in lengths])
        ending = self._endings.get(fields)
        if ending is None:
            ending = variant("", varying.selecting(self.names, list(fields), rules))
            if sum(len(value) for _, value in fields) <= LENGTH:  # what is longer is not counted in `size`
                if len(self._endings) >= ENDINGS:
                    self._endings.clear()
                self._endings[fields] = ending
        return key + ending


class HitForPass:
    """Until a time (Unix) nobody waits for an answer that will not be kept; `why` is a word for Cache-Status."""

    __slots__ = ("size", "until", "why")

    def __init__(self, until: float, why: str) -> None:
        self.until = until
        self.why = why
        self.size = 100


Kept = Entry | Variants | HitForPass


def variant(key: str, chosen: varying.Selecting) -> str:
    """The key of one answer of several: no field has the character between them, so no two come to the same.

    SECURITY: nor does it come to a caller's own key, which another character sets off, whatever a client writes into
    the fields (tests/unit/policies/test_cache_callers.py).
    """
    return "\r".join((key, *(value for _, value in chosen)))


def variant_id(url: str) -> str:
    """What a URL is purged by: as short for a long one, which clients may make as long as they like."""
    return blake2b(url.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def pack(kept: Entry | Variants) -> bytes:
    """What goes into the store."""
    if isinstance(kept, Variants):
        return json.dumps({"v": FORMAT, "names": kept.names}).encode()
    stored = kept.stored
    head = {
        "v": FORMAT,
        "status": stored.status,
        "headers": stored.headers,
        "times": (stored.request_time, stored.response_time),
        "age": stored.initial_age,
        "vary": stored.vary,
        "url": kept.url,
        "route": kept.route,
        "tags": kept.tags,
        "stamp": kept.stamp,
    }
    return json.dumps(head, separators=(",", ":")).encode() + b"\n" + kept.body


def unpack(raw: bytes, rules: CacheOptions) -> Entry | Variants | None:
    """What the store has, under the rules of who reads it; None for what cannot be read."""
    head, _, body = raw.partition(b"\n")
    try:
        found = json.loads(head)
        if found["v"] != FORMAT:
            return None
        if "names" in found:
            return Variants(tuple(map(str, found["names"])))
        return _entry(found, body, rules)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _entry(found: dict[str, Any], body: bytes, rules: CacheOptions) -> Entry:
    times = (float(found["times"][0]), float(found["times"][1]))
    headers = [(str(name), str(value)) for name, value in found["headers"]]
    chosen = tuple((str(name), str(value)) for name, value in found["vary"])
    stored = rebuilt(int(found["status"]), headers, len(body), times, float(found["age"]), chosen, rules)
    tags = tuple(map(str, found["tags"]))
    return Entry(stored, body, str(found["url"]), str(found["route"]), tags, int(found["stamp"]))
