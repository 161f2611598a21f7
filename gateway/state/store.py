"""The key-value store with TTL: one interface, whichever store stands behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

KEY_MAX: Final = 480  # bytes
VALUE_MAX: Final = 1 << 20  # bytes
TTL_MAX: Final = 10 * 366 * 86400.0  # seconds


class StoreError(Exception):
    """The store cannot do what was asked; the text says why."""


class StoreUnavailableError(StoreError):
    """The store cannot be reached, or what it holds cannot be read."""


class StoreFullError(StoreError):
    """There is no room for the value and nothing that may be thrown out for it."""


class Store(Protocol):
    """Bytes by key, each with an end if asked for.

    Every method but `scan` and `clear` is atomic over all processes and costs a networked store one round trip.
    An entry whose time is up is not there, for any method.  `ttl` is seconds, above 0; None means without end.
    Wrong arguments (empty or long keys, long values, bad ttl) raise ValueError, a store in trouble StoreError.
    When the store is full, the entries that end next are thrown out first; those without end never are.
    """

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""

    def set(self, key: bytes, value: bytes, ttl: float | None) -> None:
        """Write, whatever was there, and set its end anew."""

    def set_if_absent(self, key: bytes, value: bytes, ttl: float | None) -> bool:
        """Write unless there is a value; whether it was written."""

    def compare_and_set(self, key: bytes, old: bytes, new: bytes, ttl: float | None) -> bool:
        """Write `new` and its end if the value is `old`; whether it was."""

    def delete(self, key: bytes) -> bool:
        """Remove; whether it was there."""

    def incr(self, key: bytes, by: int, ttl: float | None) -> int:
        """Add to a decimal number and return the sum (64 bits, else ValueError).

        A key that is not there counts as 0 and gets `ttl`; one that is there keeps its end.
        """

    def expire(self, key: bytes, ttl: float | None) -> bool:
        """Set the end anew; whether the key is there."""

    def scan(self, prefix: bytes) -> Iterator[bytes]:
        """The keys that begin with `prefix`, each once; what is written meanwhile may be among them or not."""

    def clear(self, prefix: bytes) -> int:
        """Remove all keys that begin with `prefix`; how many there were."""

    def sweep(self, limit: int) -> int:
        """Give back the room of at most `limit` entries whose time is up; how many there were."""

    def close(self) -> None:
        """Let go of files and connections; the next call opens them again."""


def check_key(key: bytes) -> None:
    """Raise ValueError for a key that no store takes."""
    if not 0 < len(key) <= KEY_MAX:
        raise ValueError(f"a store key has 1 to {KEY_MAX} bytes, this one has {len(key)}")


def check_value(value: bytes) -> None:
    """Raise ValueError for a value that no store takes."""
    if len(value) > VALUE_MAX:
        raise ValueError(f"a store value has at most {VALUE_MAX} bytes, this one has {len(value)}")


def check_ttl(ttl: float | None) -> None:
    """Raise ValueError for a time to live that makes no sense (NaN too)."""
    if ttl is not None and not 0 < ttl <= TTL_MAX:
        raise ValueError(f"a ttl is above 0 and at most {TTL_MAX:.0f} seconds, not {ttl}")


def parse_number(value: bytes) -> int:
    """The decimal number in a value; ValueError when it is none."""
    digits = value[1:] if value[:1] == b"-" else value
    if not (digits.isdigit() and len(digits) < 20):
        raise ValueError("the value is not a decimal number")
    return int(value)


def check_number(number: int) -> int:
    """The number itself; ValueError beyond 64 bits."""
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{number} does not fit into 64 bits")
    return number
