"""The chain of the audit log: each line holds the hash of the line before it, and its own.

    {"seq":7, ...what happened..., "prev":"<hash of line 6>","hash":"<hash of this line up to here>"}

With a secret it is a keyed one, HMAC (RFC 2104), and the member is called `mac`: who can write the file, but does not
know the secret, cannot make a line that is believed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

ZERO: Final = "0" * 64
#: bytes of one line, so that a pipe takes it in one piece (pipe(7))
LONGEST: Final = 4000
_SEAL: Final = re.compile(rb',"(hash|mac)":"([0-9a-f]{64})"\}')
_SEAL_SIZE: Final = {b"hash": 75, b"mac": 74}


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends: the number and hash of its last line, and the size of the file that it is in (bytes)."""

    seq: int = 0
    hash: str = ZERO
    size: int = 0

    def packed(self) -> bytes:
        """As it is kept, always of the same length."""
        text = json.dumps({"seq": self.seq, "hash": self.hash, "size": self.size})
        return text.ljust(159).encode() + b"\n"

    @classmethod
    def unpacked(cls, data: bytes) -> Head | None:
        """What was kept; None for anything else."""
        try:
            found = json.loads(data)
            head = cls(found["seq"], found["hash"], found["size"])
        except (ValueError, KeyError, TypeError):
            return None
        is_one = type(head.seq) is int and type(head.size) is int and isinstance(head.hash, str)
        return head if is_one else None


def entry(members: dict[str, Any]) -> str:
    """What happened, as JSON that fits into a line: what is too long loses its details."""
    text = json.dumps(members, separators=(",", ":"))
    if len(text) > LONGEST - 400:
        text = json.dumps({**members, "what": {"left_out": len(text)}}, separators=(",", ":"))
    return text


def sign_entry(text: str, head: Head, secret: bytes) -> tuple[bytes, Head]:
    """The line of an entry behind `head`, and the head behind that line."""
    seq = head.seq + 1
    body = f'{{"seq":{seq},{text[1:-1]},"prev":"{head.hash}"'.encode()
    name, digest = _digest(body, secret)
    line = body + f',"{name}":"{digest}"}}\n'.encode()
    return line, Head(seq, digest, head.size + len(line))


def entry_hash(line: bytes) -> tuple[str, str] | None:
    """(`hash` or `mac`, its value) of a line without its end; None for what has none."""
    found = _SEAL.search(line, max(0, len(line) - _SEAL_SIZE[b"hash"]))
    if found is None or found.end() != len(line):
        return None
    return found[1].decode(), found[2].decode()


def is_intact(line: bytes, secret: bytes) -> bool:
    """Whether a line without its end says what it said when it was written."""
    seal = entry_hash(line)
    if seal is None:
        return False
    name, digest = _digest(line[: -_SEAL_SIZE[seal[0].encode()]], secret)
    return name == seal[0] and hmac.compare_digest(digest, seal[1])


def members(line: bytes) -> dict[str, Any] | None:
    """What a line says, None for what is no line of this log."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or type(found.get("seq")) is not int or not isinstance(found.get("prev"), str):
        return None
    return found


def followed(data: Iterable[bytes], head: Head, secret: bytes) -> Head | None:
    """The head behind lines (without their ends) that go on from `head`; None unless all of them do."""
    for line in data:
        found, seal = members(line), entry_hash(line)
        if found is None or seal is None or not is_intact(line, secret):
            return None
        if (found["seq"], found["prev"]) != (head.seq + 1, head.hash):
            return None
        head = Head(found["seq"], seal[1], head.size + len(line) + 1)
    return head


def _digest(body: bytes, secret: bytes) -> tuple[str, str]:
    if secret:
        return "mac", hmac.new(secret, body, hashlib.sha256).hexdigest()
    return "hash", hashlib.sha256(body).hexdigest()
