"""What all limits of a process stand on: the buckets that it shares with the others, and the numbers of theirs."""

from __future__ import annotations

import secrets
from typing import Final

from gateway._fast.bucket import Buckets
from gateway.limiting.keys import SECRET_SIZE, Keys
from gateway.shared import buckets as shared

_PRIVATE: Final = 1024


class Limiting:
    """Buckets, and the names of those who have one."""

    __slots__ = ("buckets", "keys")

    def __init__(self, buckets: Buckets, secret: bytes) -> None:
        """`secret` is that of the gateway (keys.secret_in)."""
        self.buckets = buckets
        self.keys = Keys(secret)

    @classmethod
    def private(cls) -> Limiting:
        """One that no other process sees, for a plan that serves nobody."""
        return cls(shared.private(_PRIVATE), secrets.token_bytes(SECRET_SIZE))
