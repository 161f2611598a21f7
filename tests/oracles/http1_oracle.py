"""What a whole connection says, read as plainly as it can be: its requests with their bodies, and how it ends."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.oracles import head_oracle

SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")


class Malformed(Exception):
    """The body breaks RFC 9112 section 7.1."""


class TooLarge(Exception):
    """The body is larger than is allowed."""


class Incomplete(Exception):
    """More would have to come."""


@dataclass(frozen=True)
class Limits:
    """Of heads, and of bodies in bytes."""

    head: head_oracle.Limits
    body: int


@dataclass
class Connection:
    """`requests` are (method, target, body) of those that are whole; `end` is why no other follows them."""

    requests: list[tuple[str, str, bytes]]
    end: str


def chunk_size(line: bytes) -> int:
    """The size on a chunk's first line, -1 for anything odd."""
    found = SIZE.fullmatch(line)
    return int(found[1], 16) if found else -1


def chunked(data: bytes, limits: Limits) -> tuple[bytes, int]:
    """(decoded body, bytes used) of a chunked body at the start of `data`."""
    body, at = b"", 0
    while True:
        line, at = _line(data, at, 1024)
        size = chunk_size(line)
        if size < 0:
            raise Malformed
        if len(body) + size > limits.body:
            raise TooLarge
        if size == 0:
            return body, _trailers(data, at, limits)
        if len(data) - at < size:
            raise Incomplete
        body, at = body + data[at : at + size], at + size
        line, at = _line(data, at, 2)
        if line:
            raise Malformed


def _trailers(data: bytes, at: int, limits: Limits) -> int:
    for _ in range(limits.head.lines):
        line, at = _line(data, at, limits.head.line)
        if not line:
            return at
        if b":" not in line or line[:1] in (b" ", b"\t", b":"):
            break
    raise Malformed


def _line(data: bytes, at: int, most: int) -> tuple[bytes, int]:
    """(the line at `at` without its CRLF, where the next one begins)."""
    end = data.find(b"\n", at)
    if end < 0:
        raise Malformed if len(data) - at > most else Incomplete
    line = data[at:end]
    if not line.endswith(b"\r") or b"\r" in line[:-1] or len(line) > most:
        raise Malformed
    return line[:-1], end + 1


def read(data: bytes, limits: Limits) -> Connection:
    """A connection on which `data` was sent and nothing will follow; every body is read to its end."""
    requests: list[tuple[str, str, bytes]] = []
    while data:
        verdict = head_oracle.request(data, limits.head)
        head = verdict.found
        if head is None:
            return Connection(requests, "refused" if verdict.broken else "incomplete")
        data = data[int(str(head["size"])) :]
        length = int(str(head["length"]))
        try:
            if length > limits.body:
                raise TooLarge
            if length >= 0 and length > len(data):
                raise Incomplete
            body, used = (data[:length], length) if length >= 0 else chunked(data, limits)
        except (Malformed, TooLarge, Incomplete) as error:
            return Connection(requests, type(error).__name__)
        requests.append((str(head["method"]), str(head["target"]), body))
        data = data[used:]
        if not head["keep_alive"]:
            return Connection(requests, "closed")
    return Connection(requests, "ended")
