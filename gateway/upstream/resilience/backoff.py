"""Delay before another try. Seconds; the random number (0..1) and the wall clock come from the caller."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

#: the pause grows to this many times its base
CAP: Final = 10
_LONGEST_DIGITS: Final = 9


def delay(retry: int, base: float, random: float) -> float:
    """The pause before retry number 1, 2, …: any time up to `base`, doubled with each retry, ten times it at most.

    Full jitter: callers that failed in the same instant do not come back in the same instant.
    """
    return random * base * min(CAP, 1 << min(retry - 1, 10))


def wait(pause: float, retry_after: float | None, left: float) -> float | None:
    """The pause, at least what the upstream asked for; None when no time would be left after it."""
    asked = pause if retry_after is None else max(pause, retry_after)
    return asked if asked < left else None


def named_wait(headers: Iterable[tuple[str, str]], wall: float) -> float | None:
    """What an answer's header asks for, as `parse_retry_after` reads it; None where it asks for nothing."""
    for name, value in headers:
        if name.lower() == "retry-after":
            return parse_retry_after(value, wall)
    return None


def parse_retry_after(value: str, wall: float) -> float | None:
    """Seconds to wait by a Retry-After field, a number or a date (RFC 9110 section 10.2.3); None if it is neither.

    `wall` is seconds since 1970, against which a date is taken.
    """
    value = value.strip(" \t")
    if value.isascii() and value.isdigit():
        return float(value) if len(value) <= _LONGEST_DIGITS else float("inf")
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - wall)
