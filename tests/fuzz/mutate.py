"""Inputs out of inputs: what connections say, changed so that it is nearly right."""

from __future__ import annotations

import random
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
WORDS = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"\x0b",
    b"\x7f",
    b"\xff",
    b",",
    b";",
    b"%2F",
    b"%00",
    b"/..",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"HEAD",
    b"CONNECT",
    b"Host: a\r\n",
    b"Host: b\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 999999999999999999\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Connection: Content-Length, Host\r\n",
    b"Upgrade: h2c\r\n",
    b"Expect: 100-continue\r\n",
    b"X_Y: z\r\n",
    b"X: " + b"y" * 9000 + b"\r\n",
    b"X: y\r\n" * 101,
    b"Cookie: a=b\r\n",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"5;x=y\r\nhello\r\n",
    b"fffffffffffffff\r\n",
    b"ffffffffffffffff\r\n",
    b"-1\r\n",
    b"0x5\r\n",
    b"X-Trailer: z\r\n",
    b"http://h",
    b"*",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


def corpus() -> list[bytes]:
    """What is kept in the folder."""
    return [path.read_bytes() for path in sorted(CORPUS.glob("*.http"))]


def mutated(seeds: list[bytes], chance: random.Random) -> bytes:
    """One to three seeds one after the other, changed in a few places."""
    data = bytearray(b"".join(chance.choices(seeds, k=chance.choice([1, 1, 1, 2, 3]))))
    for _ in range(chance.choice([0, 1, 1, 1, 2, 2, 3, 6])):
        at = chance.randint(0, len(data))
        span = chance.choice([1, 1, 2, 4, 16, 64])
        kind = chance.randrange(7)
        if kind <= 1:
            data[at:at] = chance.choice(WORDS)
        elif kind == 2:
            del data[at : at + span]
        elif kind == 3:
            data[at:at] = data[at : at + span]
        elif kind == 4 and at < len(data):
            data[at] = chance.randrange(256)
        elif kind == 5 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 6:
            _move_line(data, chance)
    return bytes(data)


def _move_line(data: bytearray, chance: random.Random) -> None:
    lines = bytes(data).split(b"\r\n")
    lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))
    data[:] = b"\r\n".join(lines)


def cut(data: bytes, chance: random.Random) -> list[bytes]:
    """The same bytes in pieces, as a network might deliver them."""
    places = sorted(chance.randint(0, len(data)) for _ in range(chance.choice([0, 0, 1, 2, 5])))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
