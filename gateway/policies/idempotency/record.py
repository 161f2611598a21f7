"""Records of idempotency keys in the store: a request that is under way, or the answer to one.

P | mark, 32 bytes | until, double, Unix seconds | who claims it, 16 bytes
D | mark, 32 bytes | status, 2 bytes | length of the header, 4 bytes | header, JSON | body
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Final

from gateway.exchange import Headers

MARK: Final = 32  # bytes
_PENDING: Final = struct.Struct(f">c{MARK}sd16s")
_DONE: Final = struct.Struct(f">c{MARK}sHI")


@dataclass(frozen=True, slots=True)
class Pending:
    """A request on its way to `until`; nobody else's meanwhile, anybody's after that."""

    mark: bytes
    until: float
    claim: bytes

    def packed(self) -> bytes:
        """As the store has it."""
        return _PENDING.pack(b"P", self.mark, self.until, self.claim)


@dataclass(frozen=True, slots=True)
class Done:
    """An answer, as it was given."""

    mark: bytes
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def packed(self) -> bytes:
        """As the store has it."""
        header = json.dumps(self.headers, separators=(",", ":")).encode()
        return _DONE.pack(b"D", self.mark, self.status, len(header)) + header + self.body

    def fields(self) -> Headers:
        """The header, ready to be changed."""
        return list(self.headers)


def unpack(data: bytes) -> Pending | Done | None:
    """What a value of the store says; None for one that says nothing."""
    try:
        if data[:1] == b"P":
            return Pending(*_PENDING.unpack(data)[1:])
        if data[:1] == b"D":
            _, mark, status, size = _DONE.unpack_from(data)
            at = _DONE.size + size
            headers = tuple((name, value) for name, value in json.loads(data[_DONE.size : at]))
            return Done(mark, status, headers, data[at:])
    except (struct.error, ValueError):
        return None
    return None
