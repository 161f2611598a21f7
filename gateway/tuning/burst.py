"""Many clients at the same moment: how long the last of them waits, which is what a backlog is for."""

from __future__ import annotations

import selectors
import socket
import time

TIMEOUT = 10.0  # seconds


def burst(port: int, request: bytes, count: int, timeout: float = TIMEOUT) -> tuple[float, int]:
    """Connect `count` times at once to 127.0.0.1, ask once on each: (seconds until the last answer, how many failed).

    A SYN that the kernel drops, because the backlog is full, is sent again after a second: that is seen here.
    """
    start, slowest, answered = time.perf_counter(), 0.0, 0
    clients = [_begin(port) for _ in range(count)]
    with selectors.DefaultSelector() as waiting:
        for client in clients:
            waiting.register(client, selectors.EVENT_WRITE, client)
        while waiting.get_map() and time.perf_counter() < start + timeout:
            for key, event in waiting.select(0.1):
                client = key.data
                if event & selectors.EVENT_WRITE and _sent(client, request):
                    waiting.modify(client, selectors.EVENT_READ, client)
                    continue
                waiting.unregister(client)
                if event & selectors.EVENT_READ and _has_answer(client):
                    answered, slowest = answered + 1, time.perf_counter() - start
    for client in clients:
        client.close()
    return slowest, count - answered


def _begin(port: int) -> socket.socket:
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(("127.0.0.1", port))
    return client


def _sent(client: socket.socket, request: bytes) -> bool:
    try:
        return client.send(request) == len(request)
    except OSError:
        return False


def _has_answer(client: socket.socket) -> bool:
    try:
        return client.recv(65536).startswith(b"HTTP/1.1 ")
    except OSError:
        return False
