"""One revocation, and the list of them as it is kept in the store: in a fixed number of buckets."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

BUCKETS: Final = 256
NAME_MAX: Final = 512  # characters

#: what a revocation speaks of: (provider, "jti" | "sub" | "all", which of them)
Subject = tuple[str, str, str]


class Revocation(NamedTuple):
    """Tokens of `provider` that are refused until `until`: one (`jti`), or those of a `sub`, or all.

    With `before` those that were issued before it, else whenever they were.  Unix seconds.
    """

    id: str
    provider: str
    jti: str | None
    sub: str | None
    before: float | None
    until: float

    @property
    def subject(self) -> Subject:
        """What it speaks of: there is one revocation for each."""
        return subject_of(self.provider, self.jti, self.sub)

    def fits(self, issued: Any) -> bool:
        """Whether it holds for a token whose `iat` is `issued`; one that does not say when it was issued is refused."""
        if self.before is None:
            return True
        is_number = isinstance(issued, int | float) and not isinstance(issued, bool)
        return not is_number or not issued >= self.before


def make(provider: str, jti: str | None, sub: str | None, before: float | None, until: float) -> Revocation:
    """A revocation. ValueError with words when it says nothing, or too much."""
    if jti is not None and (sub is not None or before is not None):
        raise ValueError("a revocation by `jti` is of one token: it has no `sub` and no `before`")
    if jti is None and sub is None and before is None:
        raise ValueError("a revocation has a `jti`, a `sub` or a `before`")
    if any(not 0 < len(name) <= NAME_MAX for name in (provider, jti, sub) if name is not None):
        raise ValueError(f"names in a revocation have 1 to {NAME_MAX} characters")
    if before is not None and not math.isfinite(before):
        raise ValueError("`before` is a time")
    subject = subject_of(provider, jti, sub)
    digest = hashlib.sha256("\0".join(subject).encode("utf-8", "surrogatepass")).hexdigest()
    return Revocation(digest[:24], provider, jti, sub, before, until)


def subject_of(provider: str, jti: str | None, sub: str | None) -> Subject:
    """The subject of a revocation."""
    return (
        (provider, "jti", jti) if jti is not None else (provider, "all", "") if sub is None else (provider, "sub", sub)
    )


def bucket_of(entry_id: str) -> int | None:
    """The bucket of a revocation; None for what is no id of one."""
    try:
        return int(entry_id[:2], 16) if len(entry_id) == 24 and entry_id.isalnum() else None
    except ValueError:
        return None


def merged(old: Revocation | None, new: Revocation) -> Revocation:
    """What holds when both were said: neither shortens the other."""
    if old is None:
        return new
    before = None if old.before is None or new.before is None else max(old.before, new.before)
    return new._replace(before=before, until=max(old.until, new.until))


def pack(entries: Iterable[Revocation]) -> bytes:
    """A bucket as it is in the store."""
    return json.dumps([entry[1:] for entry in entries]).encode()


def unpack(raw: bytes | None, now: float) -> Mapping[Subject, Revocation]:
    """The entries of a bucket that still hold. ValueError when it cannot be read."""
    if raw is None:
        return {}
    try:
        entries = [make(*row) for row in json.loads(raw)]
        return {entry.subject: entry for entry in entries if entry.until > now}
    except (TypeError, AttributeError):
        raise ValueError("it is no list of revocations") from None
