"""Whether what came back is HTTP, and whether the app saw what was said."""

from __future__ import annotations

import re

from tests.oracles.http1_oracle import Connection

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [\x20-\x7e]*")
FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t\x20-\x7e\x80-\xff]*")
ALLOWED = {200, 400, 404, 405, 408, 413, 414, 417, 431, 499, 501, 505}
#: what the refusal of a head, or the end of a body that is not whole, is answered with
BY_END = {"Malformed": {400}, "TooLarge": {413}, "Incomplete": {499}}


class Wrong(AssertionError):
    """An invariant does not hold."""


def answers(data: bytes, methods: list[str]) -> list[int]:
    """The final statuses of a stream of answers to requests with `methods` (those of all calls of the app)."""
    statuses: list[int] = []
    while data:
        head, mark, data = data.partition(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        shape = STATUS.fullmatch(line)
        if not mark or not shape or not all(FIELD.fullmatch(field) for field in fields):
            raise Wrong(f"not the head of an answer: {head[:200]!r}")
        status = int(shape[1])
        if status < 200:
            if status != 100 or fields:
                raise Wrong(f"an interim answer that nobody asked for: {head[:200]!r}")
            continue
        if status not in ALLOWED:
            raise Wrong(f"{status} is no status for this")
        named = {name.lower(): value.strip() for name, _, value in (field.partition(b":") for field in fields)}
        if not (len(statuses) < len(methods) and methods[len(statuses)] == "HEAD"):
            data = _body(data, named)
        statuses.append(status)
        if named.get(b"connection") == b"close" and data:
            raise Wrong("bytes behind an answer that was the last")
    return statuses


def _body(data: bytes, named: dict[bytes, bytes]) -> bytes:
    """What is behind the body."""
    if (b"transfer-encoding" in named) and (b"content-length" in named):
        raise Wrong(f"framed in two ways: {named!r}")
    if not named.keys() & {b"transfer-encoding", b"content-length"}:
        if named.get(b"connection") != b"close":
            raise Wrong(f"framed in no way: {named!r}")
        return b""
    if b"content-length" in named:
        length = int(named[b"content-length"])
        if len(data) < length:
            raise Wrong(f"{len(data)} of {length} bytes")
        return data[length:]
    while True:
        line, mark, data = data.partition(b"\r\n")
        size = int(line, 16) if re.fullmatch(rb"[0-9a-f]+", line) else -1
        if not mark or size < 0 or data[size : size + 2] != b"\r\n":
            raise Wrong(f"not a chunk: {line[:100]!r}")
        data = data[size + 2 :]
        if size == 0:
            return data


def compare(expected: Connection, seen: list[tuple[str, str, bytes]], statuses: list[int]) -> None:
    """The app saw just the requests that were said, and each of them was answered."""
    if seen != expected.requests:
        raise Wrong(f"the app saw {short(seen)}, said was {short(expected.requests)}")
    more = statuses[len(seen) :]
    if any(status != 200 for status in statuses[: len(seen)]) or len(more) > 1:
        raise Wrong(f"answered with {statuses}")
    wanted = BY_END.get(expected.end)
    if wanted is not None and set(more) != wanted:
        raise Wrong(f"{expected.end} was answered with {more}")
    if expected.end in ("closed", "ended") and more:
        raise Wrong(f"nothing was left, and it was answered with {more}")
    if expected.end == "refused" and more and more[0] < 400:
        raise Wrong(f"refused with {more}")


def short(requests: list[tuple[str, str, bytes]]) -> str:
    """Requests for a message."""
    return str([(method, target[:40], len(body), body[:40]) for method, target, body in requests])
