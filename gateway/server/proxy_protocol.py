"""The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): who the client behind a TCP load balancer is.

It stands before everything else on a connection, TLS included, so it is read from the bare socket and to the byte.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from types import MappingProxyType

_V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_MOST = 107
_V2_MOST = 16 + 2048
#: bytes of the addresses and ports of TCP over IPv4 and over IPv6
_V2_LEAST = MappingProxyType({0x11: 12, 0x21: 36})

Address = tuple[str, int]


class BadProxyHeader(Exception):
    """The connection did not begin with a PROXY header; nothing it says can be trusted."""


def read_client(sock: socket.socket) -> Address | None:
    """The client's address and port; None where the balancer speaks for itself (LOCAL, UNKNOWN)."""
    start = _exactly(sock, 1)
    if start == b"P":
        return _version1(start + _line(sock))
    if start == b"\r":
        return _version2(sock, start)
    raise BadProxyHeader("the connection does not begin with a PROXY header")


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise BadProxyHeader("the connection ended within the PROXY header")
        data += piece
    return data


def _line(sock: socket.socket) -> bytes:
    """The rest of a version 1 line: looked at first, so that nothing behind it is taken."""
    data = b""
    while True:
        seen = sock.recv(_V1_MOST, socket.MSG_PEEK)
        if not seen:
            raise BadProxyHeader("the connection ended within the PROXY header")
        end = seen.find(b"\n")
        data += _exactly(sock, end + 1 if end >= 0 else len(seen))
        if end >= 0:
            return data
        if len(data) >= _V1_MOST:
            raise BadProxyHeader("the PROXY line is longer than 107 bytes")


def _version1(line: bytes) -> Address | None:
    words = line.decode("latin-1").removesuffix("\r\n").split(" ")
    if not line.endswith(b"\r\n") or words[0] != "PROXY" or len(words) < 2:
        raise BadProxyHeader("the PROXY line is malformed")
    if words[1] == "UNKNOWN":
        return None
    if words[1] not in ("TCP4", "TCP6") or len(words) != 6:
        raise BadProxyHeader("the PROXY line is malformed")
    try:
        address = ipaddress.ip_address(words[2])
        port = int(words[4]) if words[4].isdecimal() and words[4].isascii() else -1
    except ValueError as error:
        raise BadProxyHeader(str(error)) from None
    if address.version != int(words[1][3]) or not 0 <= port <= 65535:
        raise BadProxyHeader("the PROXY line is malformed")
    return str(address), port


def _version2(sock: socket.socket, start: bytes) -> Address | None:
    head = start + _exactly(sock, 15)
    command, family, length = struct.unpack_from("!BBH", head, 12)
    if head[:12] != _V2_SIGNATURE or command >> 4 != 2 or length > _V2_MOST - 16:
        raise BadProxyHeader("the PROXY header is malformed")
    body = _exactly(sock, length)
    if command & 0x0F == 0:
        return None
    if command & 0x0F != 1:
        raise BadProxyHeader("the PROXY command is unknown")
    if length < _V2_LEAST.get(family, 0):
        raise BadProxyHeader("the PROXY header has no whole address")
    if family == 0x11:
        return str(ipaddress.IPv4Address(body[:4])), int.from_bytes(body[8:10], "big")
    if family == 0x21:
        return str(ipaddress.IPv6Address(body[:16])), int.from_bytes(body[32:34], "big")
    return None
