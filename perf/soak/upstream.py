"""The upstream of a soak, good and bad by its paths: `python -m perf.soak.upstream PORT`."""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any, Final

import gevent
from gevent.server import StreamServer

BIG: Final = b"0123456789abcdef" * 12_800  # 200 KB
#: seconds: longer than the gateway waits
LATE: Final = 1.5
_RESET: Final = struct.pack("ii", 1, 0)


def serve(port: int) -> None:
    """Serve until ended."""
    StreamServer(("127.0.0.1", port), _connection).serve_forever()


def _connection(sock: Any, _: Any) -> None:
    stream = sock.makefile("rb")
    try:
        while (path := _request(stream)) is not None:
            if not _answer(sock, path):
                break
    except OSError:
        pass  # the gateway has gone
    finally:
        stream.close()
        sock.close()


def _request(stream: Any) -> str | None:
    """The path of the next request, once its body was read; None at the end."""
    first = stream.readline(8192).split()
    if len(first) < 2:
        return None
    length = 0
    is_chunked = False
    while (line := stream.readline(8192)) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        is_chunked = is_chunked or name.lower() == b"transfer-encoding"
    while is_chunked:
        size = int(stream.readline(100), 16)
        stream.read(size + 2)
        is_chunked = size > 0
    if len(stream.read(length)) < length:
        return None
    return str(first[1].decode("latin-1"))


def _answer(sock: Any, path: str) -> bool:
    """Answer as the path asks for; whether the connection goes on."""
    kind = path.split("/")[1]
    if kind == "500":
        _send(sock, b"500 Sorry", b"broken")
    elif kind == "big":
        _send(sock, b"200 OK", BIG)
    elif kind == "late":
        gevent.sleep(LATE)
        _send(sock, b"200 OK", b"late")
    elif kind == "cut":
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 2000)
        return False
    elif kind == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return False
    elif kind == "drip":
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(5):
            sock.sendall(b"4\r\ndrip\r\n")
            gevent.sleep(0.02)
        sock.sendall(b"0\r\n\r\n")
    else:
        _send(sock, b"200 OK", b"%s %s" % (path.encode(), b"." * 1000))
    return True


def _send(sock: Any, status: bytes, body: bytes) -> None:
    sock.sendall(b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
