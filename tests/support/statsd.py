"""A real statsd daemon: npm's `statsd` 0.9, from wherever npm is told to fetch packages, kept under build/."""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.gateway import ROOT, free_port, wait_until

VERSION = "0.9.0"
HOME = ROOT / "build" / "statsd"
PROGRAM = HOME / "node_modules" / "statsd" / "stats.js"

CONFIG = """{
  address: "127.0.0.1", port: PORT, mgmt_address: "127.0.0.1", mgmt_port: OTHER, flushInterval: 300,
  backends: ["FOLDER/tell.js"], deleteCounters: true
}
"""
#: what it does with a flush: one line of JSON
BACKEND = """
exports.init = (_, config, events) => {
  events.on("flush", (at, found) => console.log(JSON.stringify({
    counters: found.counters, gauges: found.gauges, timers: found.timer_data})));
  return true;
};
"""


def install() -> None:
    """Fetch it, once; nothing that a package brings is run."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be at it
        if PROGRAM.exists():
            return
        (HOME / "package.json").write_text(json.dumps({"private": True, "dependencies": {"statsd": VERSION}}))
        command = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=optional"]
        subprocess.run(command, cwd=HOME, check=True, timeout=120)


class Daemon:
    """One that runs: `flushes` are what it made of what it got, one for each interval."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    def flushes(self) -> list[dict[str, Any]]:
        """Everything that it flushed so far."""
        lines = self._log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def count(self, name: str) -> float:
        """The sum of a counter over all flushes."""
        return sum(flush["counters"].get(name, 0) for flush in self.flushes())

    def timed(self, name: str) -> tuple[float, float]:
        """(how many, the longest in milliseconds) of a timer over all flushes."""
        found = [flush["timers"][name] for flush in self.flushes() if name in flush["timers"]]
        return sum(each["count"] for each in found), max((each.get("upper", 0.0) for each in found), default=0.0)

    def gauge(self, name: str) -> float | None:
        """A gauge's last value."""
        found = [flush["gauges"][name] for flush in self.flushes() if name in flush["gauges"]]
        return found[-1] if found else None


@contextmanager
def running(folder: Path) -> Iterator[Daemon]:
    """A daemon on a free port."""
    install()
    port = free_port()
    (folder / "tell.js").write_text(BACKEND)
    filled = CONFIG.replace("PORT", str(port)).replace("OTHER", str(free_port())).replace("FOLDER", str(folder))
    (folder / "statsd.js").write_text(filled)
    log = folder / "statsd.log"
    with log.open("wb") as out:
        process = subprocess.Popen(["node", str(PROGRAM), str(folder / "statsd.js")], stdout=out, stderr=out, cwd=HOME)
    try:
        daemon = Daemon(port, log)
        wait_until(daemon.flushes, f"the statsd daemon flushes:\n{log.read_text()}")
        yield daemon
    finally:
        process.terminate()
        process.wait(10)
