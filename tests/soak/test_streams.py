"""A gigabyte each way through the gateway, to an end that is slow to take it: memory stays where it was."""

import socket
import threading
import time

import pytest

from tests.soak.figures import keep
from tests.support.operations import resident, running, server
from tests.support.raw import Client, Upstream

SIZE = 1 << 30
PIECE = bytes(1 << 16)
RATE = 60e6  # bytes a second that the slow end takes
pytestmark = pytest.mark.soak


class Peak(threading.Thread):
    """The most memory that a process held while this looked."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self._pid, self._over = pid, threading.Event()
        self.before = self.most = resident(pid)

    def run(self):
        while not self._over.wait(0.02):
            self.most = max(self.most, resident(self._pid))

    def stop(self):
        self._over.set()
        self.join()
        return (self.most - self.before) / 1e6


def take(sock, size):
    """Take `size` bytes at RATE."""
    taken, began = 0, time.monotonic()
    while taken < size:
        data = sock.recv(1 << 16)
        assert data, f"ended after {taken} of {size} bytes"
        taken += len(data)
        ahead = taken / RATE - (time.monotonic() - began)
        if ahead > 0.005:
            time.sleep(ahead)
    return taken


def play(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.socket.recv(65536)
    head, _, rest = head.partition(b"\r\n\r\n")
    if head.startswith(b"GET"):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for _ in range(SIZE // len(PIECE)):
            connection.socket.sendall(PIECE)
    else:
        take(connection.socket, SIZE - len(rest))
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def gateway(tmp_path):
    upstream = Upstream(play)
    config = server(1, ", limits: {body: 2GB}") + (
        f"upstreams: {{up: {{targets: ['http://127.0.0.1:{upstream.port}'], timeout: {{read: 60s, total: 10m}}}}}}\n"
        "routes:\n  - {name: all, match: {path: '/{rest:path}'}, upstream: up}\n"
    )
    with running(tmp_path, config) as gateway:
        yield gateway
    upstream.close()


def test_down_to_a_slow_client(gateway):
    client = Client(gateway.port)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
    peak = Peak(gateway.workers()[0])
    peak.start()
    began = time.monotonic()
    client.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    client.until(b"\r\n\r\n")
    take(client.socket, SIZE - len(client.received))
    told("down", peak.stop(), time.monotonic() - began)
    client.close()


def test_up_to_a_slow_upstream(gateway):
    client = Client(gateway.port)
    client.socket.settimeout(60)
    peak = Peak(gateway.workers()[0])
    peak.start()
    began = time.monotonic()
    client.send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % SIZE)
    for _ in range(SIZE // len(PIECE)):
        client.socket.sendall(PIECE)
    assert client.answer()[0] == 200
    told("up", peak.stop(), time.monotonic() - began)
    client.close()


def told(way, growth, took):
    keep(
        f"stream-{way}",
        f"1 GB {way} through one worker to a slow {'client' if way == 'down' else 'upstream'}",
        {
            "bytes": f"{SIZE:,}",
            "seconds": f"{took:.1f}",
            "the slow end takes, MB a second": f"{RATE / 1e6:.0f}",
            "growth of the worker's memory at its most, MB": f"{growth:.1f}",
        },
    )
    assert growth < 32
