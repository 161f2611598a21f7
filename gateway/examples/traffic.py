"""Lively mixed traffic for the quickstart, so that there is something to see: `gateway demo-traffic`."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import math
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

#: requests a second at the calmest and at the busiest, seconds from one to the other and back
CALM, BUSY, WAVE = 15.0, 70.0, 90.0
VISITORS: Final = 12
TIMEOUT: Final = 10.0
SKUS: Final = ("KT-1402", "KT-1015", "OD-2201", "NO-0000")
WORDS: Final = ("lamp", "pan", "tent", "knife", "mug")
CURRENCIES: Final = ("CHF", "USD", "GBP", "QQQ")


class NotHere(ValueError):
    """The address is not one of this machine's loopback."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    method: str
    target: str
    body: bytes = b""


def _item(luck: random.Random) -> int:
    """A few items are looked at the most."""
    return min(60, 1 + int(luck.expovariate(0.12)))


def _review(luck: random.Random) -> Ask:
    stars = luck.choice((1, 2, 3, 4, 5, 5, 5, 9))  # nine is refused
    review = {"item": _item(luck), "author": "demo", "stars": stars, "text": "Made by demo traffic."}
    return Ask("POST", "/reviews", json.dumps(review).encode())


#: (how often, what): what visitors of a shop do, what robots try, and what goes wrong
ASKS: Final[tuple[tuple[int, Callable[[random.Random], Ask]], ...]] = (
    (6, lambda luck: Ask("GET", "/")),
    (14, lambda luck: Ask("GET", f"/items?limit={luck.randint(1, 40)}&q={luck.choice(WORDS)}")),
    (30, lambda luck: Ask("GET", f"/items/{_item(luck)}")),
    (10, lambda luck: Ask("GET", f"/items/{_item(luck)}/reviews")),
    (12, lambda luck: Ask("GET", f"/v1/stock/{luck.choice(SKUS)}")),
    (8, lambda luck: Ask("GET", f"/pages/{_item(luck)}")),
    (6, lambda luck: Ask("GET", f"/v1/prices/{luck.choice(SKUS)}?currency={luck.choice(CURRENCIES)}")),
    (4, lambda luck: Ask("GET", f"/hello/{luck.choice(WORDS)}")),
    (2, lambda luck: Ask("HEAD", "/items")),
    (2, lambda luck: Ask("GET", "/shop/items/3")),
    (2, _review),
    (1, lambda luck: Ask("GET", "/me")),
    (1, lambda luck: Ask("GET", f"/live/reviews?count={luck.randint(1, 4)}")),
    (1, lambda luck: Ask("GET", luck.choice(("/wp-login.php", "/items/seven", "/.env", "/admin")))),
    (1, lambda luck: Ask("DELETE", "/items/3")),
)


def place(url: str) -> tuple[str, int]:
    """(host, port) of a URL on loopback. Raises NotHere, for this is no tool to load others' machines with."""
    parts = urlsplit(url if "//" in url else f"//{url}")
    try:
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme not in ("", "http"):
        raise NotHere(f"{url!r} is not an address like http://127.0.0.1:8000")
    try:
        found = {each[4][0] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        found = set()
    if not found or not all(ipaddress.ip_address(str(each)).is_loopback for each in found):
        raise NotHere(f"{url!r} is not on loopback; demo traffic goes to this machine alone")
    return host, port


class Traffic:
    """Visitors that ask one after another until `seconds` are over or `over` is set; `counts` has their answers."""

    def __init__(self, host: str, port: int, seconds: float, over: threading.Event) -> None:
        self._at = host, port
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._over = over
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def run(self) -> None:
        """Have all of them come, and wait until they have left."""
        visitors = [threading.Thread(target=self._visit, args=(number,), daemon=True) for number in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()

    def _visit(self, number: int) -> None:
        luck = random.Random(number)
        weights = [often for often, _ in ASKS]
        asks = [make for _, make in ASKS]
        connection = self._connection(number)
        while not self._over.wait(min(luck.expovariate(self._rate(number)), self._left())) and self._left() > 0.0:
            answered = self._ask(connection, luck.choices(asks, weights)[0](luck))
            with self._lock:
                self.counts[answered] += 1
        connection.close()

    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def _rate(self, number: int) -> float:
        """Requests a second of one visitor now: in waves, and some come more often than others."""
        height = 0.5 - 0.5 * math.cos(2 * math.pi * (time.monotonic() - self._began) / WAVE)
        share = 2.0 * (number + 1) / (VISITORS * (VISITORS + 1))
        return (CALM + (BUSY - CALM) * height) * share

    def _connection(self, number: int) -> http.client.HTTPConnection:
        host, port = self._at
        # Each visitor has an address of its own where the system lets it: all of 127.0.0.0/8 is this machine on Linux.
        source = (f"127.0.0.{number + 2}", 0)
        with contextlib.suppress(OSError), socket.create_connection((host, port), TIMEOUT, source):
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT, source_address=source)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT)

    def _ask(self, connection: http.client.HTTPConnection, ask: Ask) -> str:
        headers = {"User-Agent": "gateway-demo-traffic"}
        if ask.body:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(ask.method, ask.target, ask.body or None, headers)
            answer = connection.getresponse()
            answer.read()
            return f"{answer.status // 100}xx"
        except (OSError, http.client.HTTPException):
            connection.close()
            return "no answer"
