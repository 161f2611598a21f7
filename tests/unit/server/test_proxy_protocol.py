"""PROXY headers as bytes: who the client is, and not a byte taken of what follows."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.server.proxy_protocol import BadProxyHeader, read_client

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
PORTS = st.integers(0, 65535)
REST = b"GET / HTTP/1.1\r\n"


def reading(sent: bytes) -> tuple[tuple[str, int] | None, bytes]:
    """(what is read, what is left)."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(sent)
        ours.shutdown(socket.SHUT_WR)
        theirs.settimeout(5)
        return read_client(theirs), theirs.recv(1000)


def version1(address: object, port: int) -> bytes:
    kind = "TCP6" if ":" in str(address) else "TCP4"
    return f"PROXY {kind} {address} {address} {port} 80\r\n".encode()


def version2(address: object, port: int) -> bytes:
    packed = address.packed
    body = packed + packed + struct.pack("!HH", port, 80)
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x11 if len(packed) == 4 else 0x21, len(body)) + body


@pytest.mark.parametrize("write", [version1, version2])
@given(address=ADDRESSES, port=PORTS)
def test_the_client_is_read_and_nothing_else(write: Callable[..., bytes], address: object, port: int) -> None:
    assert reading(write(address, port) + REST) == ((str(address), port), REST)


@given(data=st.binary(max_size=60), keep=st.integers(0, 40), write=st.sampled_from([version1, version2]))
def test_anything_else_is_refused_and_ends(data: bytes, keep: int, write: Callable[..., bytes]) -> None:
    import ipaddress

    sent = write(ipaddress.ip_address("192.0.2.1"), 80)[:keep] + data
    try:
        client, _ = reading(sent)
    except BadProxyHeader:
        return
    assert client is None or isinstance(client[1], int)


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY",
        b"PROXY\r\n",
        b"PROXY TCP4\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 80\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 80 80 80\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 -1 80\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 \xb2 80\r\n",
        b"PROXY TCP4 1.2.3 1.2.3.4 80 80\r\n",
        b"PROXY TCP5 1.2.3.4 1.2.3.4 80 80\r\n",
        b"PROXY TCP6 1.2.3.4 1.2.3.4 80 80\r\n",
        b"PROXY  TCP4 1.2.3.4 1.2.3.4 80 80\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 80 80\n",
        b"PROXX TCP4 1.2.3.4 1.2.3.4 80 80\r\n",
        b"P" * 108,
        b"GET / HTTP/1.1\r\n",
        b"",
    ],
)
def test_malformed_lines(line: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        reading(line)


@pytest.mark.parametrize(("family", "size"), [(0x11, 0), (0x11, 11), (0x21, 12), (0x21, 35)])
def test_an_address_that_is_cut_off_is_nobody_s(family: int, size: int) -> None:
    """Taken for the balancer's own, it would have the rights of the balancer's address."""
    with pytest.raises(BadProxyHeader):
        reading(SIGNATURE + struct.pack("!BBH", 0x21, family, size) + b"\x0a" * size + REST)
