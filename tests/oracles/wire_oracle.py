"""Slow, obvious twins of what `_fast.http1_client` decides: the chunked coding and the forwarding fields."""

from __future__ import annotations

import re

SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
LINE = re.compile(rb"[^\r\n\0]*\r\n")


class Malformed(Exception):
    """The body breaks RFC 9112 section 7.1."""


def _line(data: bytes, at: int, most: int) -> bytes | None:
    """The line at `at` without its CRLF; None when it is not all here."""
    end = data.find(b"\n", at)
    if end < 0:
        if len(data) - at > most + 1:
            raise Malformed
        return None
    line = data[at : end + 1]
    if not LINE.fullmatch(line) or len(line) - 2 > most:
        raise Malformed
    return line[:-2]


def decode_chunks(data: bytes) -> tuple[bytes, int] | None:
    """(body, bytes used) of a whole chunked body at the start of `data`, None while it is incomplete."""
    body, at = b"", 0
    while True:
        line = _line(data, at, 1024)
        if line is None:
            return None
        found = SIZE.fullmatch(line)
        if not found:
            raise Malformed
        at += len(line) + 2
        size = int(found[1], 16)
        if size == 0:
            break
        if len(data) - at < size:
            return None
        body, at = body + data[at : at + size], at + size
        end = _line(data, at, 0)
        if end is None:
            return None
        at += 2
    while True:
        line = _line(data, at, 16384)
        if line is None:
            return None
        at += len(line) + 2
        if not line:
            return body, at
        if line[:1] in (b" ", b"\t") or b":" not in line:
            raise Malformed


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def node(address: str) -> str:
    """RFC 7239 section 6."""
    if address.count(":") >= 2 and not address.startswith("["):
        return quoted(f"[{address}]")
    return address if re.fullmatch(r"[A-Za-z0-9.]*[A-Za-z0-9][A-Za-z0-9.]*", address) else quoted(address)


def forwarding_fields(peer: str, client: str, scheme: str, authority: str, given: dict[str, str]) -> dict[str, str]:
    """What the upstream is told about the client."""
    addresses = [given["x-forwarded-for"]] if "x-forwarded-for" in given else []
    if not addresses and "forwarded" in given and client and client != peer:
        addresses = [client]
    hops = [given["forwarded"]] if given.get("forwarded") else []
    if "forwarded" not in given and addresses:
        hops = ["for=" + node(part.strip()) for part in addresses[0].split(",") if part.strip()]
    own = [f"for={node(peer)}" if peer else "for=unknown"]
    own += [f"host={quoted(authority)}"] if authority else []
    own += [f"proto={scheme}"]
    port = re.search(r":(\d+)$", authority)
    made = {
        "X-Forwarded-For": ", ".join(filter(None, [*addresses, peer])),
        "X-Forwarded-Proto": given.get("x-forwarded-proto") or scheme,
        "X-Forwarded-Host": given.get("x-forwarded-host") or authority,
        "X-Forwarded-Port": given.get("x-forwarded-port")
        or (port[1] if port else {"http": "80", "https": "443"}[scheme]),
        "Forwarded": ", ".join([*hops, ";".join(own)]),
    }
    for name in ("X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Real-IP"):
        made[name] = given.get(name.lower(), "")
    return {name: value for name, value in made.items() if value}
