"""A real haproxy in front of gateways, with the configuration that docs/availability.md shows."""

from __future__ import annotations

import csv
import re
import shutil
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.gateway import ROOT, Gateway, free_port, wait_until

EXAMPLE = ROOT / "conf" / "examples" / "haproxy.cfg"
#: a line of its log: the server, times, for http status, bytes and cookies, and how it ended
ENDED = re.compile(r" gateways/(\S+) [-\d/+]+ (?:-?\d+ \+?\d+ \S+ \S+|\d+) ([A-Za-z-]{2,4}) \d+/")
ADDRESSES = {"one": "10.0.1.11", "two": "10.0.2.11"}


def configuration(mode: str, port: int, stats: Path, gateways: Sequence[Gateway]) -> str:
    """The example, with the addresses of this machine; `mode` is "http" or "tcp"."""
    text = EXAMPLE.read_text()
    log = f"log global\n    option {mode}log\n    option dontlog-normal"
    for place, value in {
        "stats socket": "log stdout format raw local0\n    stats socket",
        "timeout queue": f"{log}\n    timeout queue",
        "/run/haproxy/admin.sock": str(stats),
        "bind :80": f"bind 127.0.0.1:{port}",
        "mode http": f"mode {mode}",
    }.items():
        assert text.count(place) == 1, place
        text = text.replace(place, value)
    for (name, address), gateway in zip(ADDRESSES.items(), gateways, strict=True):
        real = f"127.0.0.1:{gateway.port}"
        for line, ours in {
            f"server {name} {address}:8000 port 8001": f"server {name} {real} port {gateway.admin_port}",
            f"server {name}-unchecked {address}:8000": f"server {name}-unchecked {real}",
        }.items():
            assert text.count(line) == 1, line
            text = text.replace(line, ours)
    if mode == "tcp":
        text = "".join(line for line in text.splitlines(keepends=True) if not line.endswith("# http\n"))
    return text


class Haproxy:
    """`port` is where clients come; the servers are called one and two."""

    def __init__(self, folder: Path, mode: str, gateways: Sequence[Gateway]) -> None:
        self.port = free_port()
        self._stats = folder / "stats"
        (folder / "haproxy.cfg").write_text(configuration(mode, self.port, self._stats, gateways))
        command = [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", "haproxy.cfg"]
        self._log = folder / "haproxy.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        wait_until(self._listens, "haproxy listens")

    def _listens(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        return self._stats.exists()

    def rows(self) -> dict[str, dict[str, str]]:
        """What it says of itself: a row of `show stat` for each server, BACKEND and FRONTEND."""
        assert self._process.poll() is None, self._log.read_text()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self._stats))
            sock.sendall(b"show stat\n")
            text = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
        return {row["svname"]: row for row in csv.DictReader(text.lstrip("# ").splitlines())}

    def is_up(self, name: str) -> bool:
        """Whether new requests go to a server: after one check that failed it is "UP 1/2", and still asked."""
        return self.rows()[name]["status"].startswith("UP")

    def until(self, name: str, *, up: bool) -> None:
        """Wait until a server is up, or is not."""
        wait_until(lambda: self.is_up(name) == up, f"haproxy sees {name} {'up' if up else 'down'}: {self.rows()[name]}")

    def counted(self, what: str) -> int:
        """A counter, over both servers: wretr (tried again), wredis (at the other one), eresp, chkfail, chkdown."""
        rows = self.rows()
        return sum(int(rows[name][what] or 0) for name in ADDRESSES)

    def troubles(self) -> Counter[str]:
        """What did not go its usual way: server and termination state ("one SC--"), and how often.

        The first letter says who ended it (S the server, s its time, C the client, P haproxy), the second when (Q in
        the queue, C connecting, H before the head of the answer, D after it).
        """
        return Counter(f"{server} {state}" for server, state in ENDED.findall(self._log.read_text(errors="replace")))

    def stop(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)


@contextmanager
def haproxy(folder: Path, mode: str, gateways: Sequence[Gateway]) -> Iterator[Haproxy]:
    """Start one that sees both gateways up, and end it."""
    folder.mkdir(exist_ok=True)
    made = Haproxy(folder, mode, gateways)
    try:
        for name in ADDRESSES:
            made.until(name, up=True)
        yield made
    finally:
        made.stop()
