"""The canonical path: what is matched and authorised (docs/decisions/0002-canonical-path.md).

The raw path is what travels on to the upstream; it is kept by whoever calls this.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from gateway._fast.ingress import is_plain

__all__ = ["Canonical", "InvalidTarget", "canonical_path"]


class InvalidTarget(ValueError):
    """The request's path may not be read at all (400); the message says why and may be shown to the client."""


class Canonical(NamedTuple):
    """One path, decoded once, without empty and dot segments.

    `raw` holds the still encoded text of each segment of `path.split("/")[1:]`, None when it is the same text.
    `alternative` is the second reading of a path with an encoded slash, in which `%2F` is text inside its segment
    ("/a%2Fb": path "/a/b", alternative "/a%2Fb"), and `alternative_raw` its segments; None without `%2F`.
    """

    path: str
    raw: tuple[str, ...] | None = None
    alternative: str | None = None
    alternative_raw: tuple[str, ...] | None = None

    @property
    def has_encoded_slash(self) -> bool:
        """Whether the path has two readings, and a server must refuse it when they lead to different routes."""
        return self.alternative is not None


_new = tuple.__new__

# What may not stand in a path, one group per reason.  RFC 3986 3.3 leaves out more, which clients send and which is
# harmless.
_refused = re.compile(r"([^!-~])|(\\)|(#)|(%(?![0-9A-Fa-f]{2}))|(%(?:[01][0-9A-Fa-f]|7[Ff]))").search
_reasons = (
    "has a byte that must be percent-encoded",
    "has a backslash",
    "has a '#'",
    "has a '%' that two hex digits do not follow",
    "has an encoded control character",
)
_slash = re.compile(r"%2[Ff]")
_separator = re.compile(r"/|%2[Ff]")
# SECURITY: "..;x" leads up where parameters of segments are dropped first, "..\x" where a backslash is a slash
# (test_targets_that_are_refused).
_two_faced = re.compile(r"(?:\A|\\)\.\.?(?:[;\\]|\Z)").search
_undecodable = re.compile("[\udc80-\udcff]")


def canonical_path(raw_path: str) -> Canonical:
    """The canonical form of an origin-form path (RFC 9112 3.2.1; the part before "?"), or BadTarget."""
    # PERF: nearly every path is canonical already (perf/micro/bench_route.py).
    if is_plain(raw_path):
        return _new(Canonical, (raw_path, None, None, None))
    return _read(raw_path)


def _read(raw_path: str) -> Canonical:
    """The slow road: everything that has to be decoded, resolved or refused."""
    if raw_path[:1] != "/":
        raise InvalidTarget("the path does not begin with '/'")
    if refused := _refused(raw_path):
        raise InvalidTarget(f"the path {_reasons[(refused.lastindex or 1) - 1]}")
    path, raw = _resolve(_separator.split(raw_path)[1:])
    if not _slash.search(raw_path):
        return Canonical(path, raw)
    return Canonical(path, raw, *_resolve(raw_path.split("/")[1:]))


def _resolve(segments: list[str]) -> tuple[str, tuple[str, ...] | None]:
    """Decode each raw segment, merge the empty ones and resolve the dots (RFC 3986 5.2.4), in this order."""
    kept: list[tuple[str, str]] = []
    decoded = ""
    for raw in segments:
        decoded = _decode(raw)
        if decoded == "..":
            if not kept:
                raise InvalidTarget("the path leads above the root")
            kept.pop()
        elif decoded not in ("", "."):
            if _two_faced(decoded):
                raise InvalidTarget("the path has dots that servers read in two ways")
            kept.append((decoded, raw))
    if decoded in ("", ".", ".."):
        kept.append(("", ""))
    path = "/" + "/".join(text for text, _ in kept)
    as_sent = tuple(raw for _, raw in kept)
    return path, as_sent if "/" + "/".join(as_sent) != path else None


def _decode(raw: str) -> str:
    """One segment decoded once; an encoded slash and bytes that are not UTF-8 stay upper-case %XX text."""
    if "%" not in raw:
        return raw
    # NOTE: only the alternative reading still has %2F here; "%252F" keeps its own escape through the one decoding.
    text = unquote_to_bytes(_slash.sub("%252F", raw)).decode("utf-8", "surrogateescape")
    return _undecodable.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", text)
