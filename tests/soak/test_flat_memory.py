"""An hour of ten thousand different URLs and client addresses, and memory that stays flat."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import psutil
import pytest

from tests.soak.figures import keep
from tests.support.gateway import wait_until
from tests.support.operations import observer, running
from tests.support.raw import Client

SECONDS = float(os.environ.get("GATEWAY_FLAT_SECONDS", "3600"))
WARM = min(600.0, SECONDS / 3)
RATE, DIFFERENT, LOOKS = 100.0, 10_000, 60
SLOPE = 1 << 20  # bytes in ten minutes
CONFIG = """
version: 1
server:
  {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 2, trusted_proxies: [127.0.0.1]}
observability:
  access_log: {format: json, to: /dev/null}
  statsd: {host: 127.0.0.1, port: 9}
  server_timing: true
rate_limits:
  - {name: ip, per: ip, rate: 1000/s, burst: 1000}
routes:
  - {name: item, match: {path: "/items/{id}"}, respond: {status: 200, body: "{id}"}}
"""
pytestmark = pytest.mark.soak


def slope(points: list[tuple[float, int]]) -> float:
    """Bytes in ten minutes, by least squares."""
    mean_at = sum(at for at, _ in points) / len(points)
    mean = sum(size for _, size in points) / len(points)
    down = sum((at - mean_at) ** 2 for at, _ in points)
    return sum((at - mean_at) * (size - mean) for at, size in points) / down * 600


def test_ten_thousand_urls_and_clients(tmp_path: Path) -> None:
    chance = random.Random(5)
    with running(tmp_path, CONFIG) as gateway:
        wait_until(lambda: len(gateway.workers()) == 2 and observer(gateway.pid), "all are there")
        watched = {f"worker {number}": psutil.Process(pid) for number, pid in enumerate(gateway.workers(), 1)}
        watched["observer"] = psutil.Process(observer(gateway.pid))
        sizes: dict[str, list[tuple[float, int]]] = {name: [] for name in watched}
        clients = [Client(gateway.port) for _ in range(8)]
        began, asked = time.monotonic(), 0
        look_at = began + WARM
        while (now := time.monotonic()) < began + SECONDS:
            number = chance.randrange(DIFFERENT)
            address = f"10.0.{number // 250}.{number % 250}"
            lines = ("GET /items/%d HTTP/1.1" % number, "Host: a", f"X-Forwarded-For: {address}", "", "")
            client = clients[asked % len(clients)].send("\r\n".join(lines).encode())
            assert client.answer()[0] == 200
            asked += 1
            if now >= look_at:
                look_at += (SECONDS - WARM) / LOOKS
                for name, process in watched.items():
                    sizes[name].append((now - began, process.memory_info().rss))
            time.sleep(max(0.0, began + asked / RATE - time.monotonic()))
        for client in clients:
            client.close()
    rows = {
        "requests": asked,
        "different URLs and clients": DIFFERENT,
        "seconds, of them warm-up": f"{SECONDS:g}, {WARM:g}",
    }
    for name, points in sizes.items():
        rows[f"{name}: MB at first and at last, slope in KB per 10 minutes"] = (
            f"{points[0][1] / 1e6:.1f}, {points[-1][1] / 1e6:.1f}, {slope(points) / 1024:.0f}"
        )
    keep("flat-memory", "Memory under many URLs and clients", rows)
    assert {name: slope(points) for name, points in sizes.items() if slope(points) > SLOPE} == {}
