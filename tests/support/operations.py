"""What the tests of operations share: a gateway for the length of a test, load on it, and a look at its processes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.state import SharedMemory
from tests.support.gateway import Gateway
from tests.support.raw import Client

SHM = Path("/dev/shm")
OBSERVER = "gw-observer"

SERVER = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: WORKERS, graceful_timeout: 5s}
observability: {access_log: {format: "off"}}
"""

LUA = """
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args) wrong = 0; answered = 0 end
function response(status, headers, body)
  answered = answered + 1
  if status ~= 200 or not CHECK then wrong = wrong + 1 end
end
function done(summary, latency, requests)
  local e, bad, all = summary.errors, 0, 0
  for _, thread in ipairs(threads) do bad = bad + thread:get("wrong"); all = all + thread:get("answered") end
  io.write(string.format(
    '\\nSUMMARY {"requests": %d, "wrong": %d, "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\\n',
    all, bad, e.connect, e.read, e.write, e.status, e.timeout))
end
"""


def server(workers: int = 1, more: str = "") -> str:
    """The top of a configuration: where it listens, and no access log."""
    return SERVER.replace("WORKERS", str(workers)).replace("graceful_timeout: 5s}", f"graceful_timeout: 5s{more}}}")


def respond(version: object, path: str = "/plan") -> str:
    """A route whose header and body both say which version of the configuration answers."""
    answer = f"{{status: 200, headers: {{X-Plan: '{version}'}}, body: '{version}'}}"
    return f"  - {{name: plan, match: {{path: {path}}}, respond: {answer}}}\n"


@contextmanager
def running(folder: Path, config: str, *, ready: bool = True, **options: Any) -> Iterator[Gateway]:
    """A gateway that is ended, with all that it started, when the block is left."""
    gateway = Gateway(folder, config, **options)
    try:
        yield gateway.start(ready=ready)
    finally:
        gateway.stop()


def get(gateway: Gateway, path: str) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own: (status, headers, body)."""
    client = Client(gateway.port)
    try:
        return client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()).answer()
    finally:
        client.close()


class Wrk:
    """wrk in the background; `check` is a Lua condition on status, headers and body that every answer must meet.

    `is_prompt`: it goes before others where it may, so that a next request is not late for want of a core.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        seconds: float,
        *,
        connections: int = 16,
        check: str = "true",
        is_prompt: bool = False,
    ) -> None:
        script = folder / f"wrk-{time.monotonic_ns()}.lua"  # another one in the folder may not have read its own yet
        script.write_text(LUA.replace("CHECK", f"({check})"))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{int(seconds)}s", "--timeout", "5s", "-s", str(script), url]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if is_prompt:
            with contextlib.suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, -15)

    def result(self) -> dict[str, int]:
        """Wait for its end: counts of requests (answers), wrong ones, and errors by kind."""
        output, _ = self._process.communicate()
        found = re.search(r"^SUMMARY (.+)$", output, re.M)
        assert found, output
        counts: dict[str, int] = json.loads(found[1])
        return counts

    def interrupt(self) -> dict[str, int]:
        """End it before its time; the same counts."""
        self._process.send_signal(signal.SIGINT)
        return self.result()


class Asker(threading.Thread):
    """A keep-alive client that asks every `every` seconds, and keeps what was wrong and how long the slowest took."""

    def __init__(self, port: int, path: str, every: float, check: Any = None) -> None:
        super().__init__(daemon=True)
        self._request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        self._port, self._every, self._check = port, every, check
        self._over = threading.Event()
        self.slowest, self.count = 0.0, 0
        self.failures: list[str] = []

    def run(self) -> None:
        """Ask until stopped; a connection that says `close` is opened anew."""
        client: Client | None = None
        while not self._over.is_set():
            if client is not None and client.has_ended():
                client = _closed(client)
            began = time.monotonic()
            try:
                client = client or Client(self._port)
                status, headers, body = client.send(self._request).answer()
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))
                client = _closed(client)
                continue
            took = time.monotonic() - began
            self.slowest, self.count = max(self.slowest, took), self.count + 1
            if status != 200 or (self._check is not None and not self._check(headers, body)):
                self.failures.append(f"{status} {headers} {body[:200]!r}")
            if headers.get("connection") == "close":
                client = _closed(client)
            time.sleep(max(0.0, self._every - took))
        _closed(client)

    def stop(self) -> Asker:
        """End it and give it back."""
        self._over.set()
        self.join()
        return self


def _closed(client: Client | None) -> None:
    if client is not None:
        client.close()


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def observer(pid: int) -> int | None:
    """Pid of the process that observes for a master."""
    return next((each for each in descendants(pid) if _name(each) == OBSERVER), None)


def children(pid: int) -> list[int]:
    """Pids of the workers of a master: its living children but the one that observes."""
    return [each for each in descendants(pid) if _name(each) != OBSERVER]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    """Pids of the living children of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] not in "ZX" and int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def runtime_folder(pid: int) -> Path:
    """The runtime directory that a master holds, found by the lock that it keeps open."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = Path(os.readlink(link))
        except OSError:
            continue
        if target.name == "lock" and target.parent.name.startswith("gateway-"):
            return target.parent
    raise AssertionError(f"process {pid} holds no runtime directory")


def page_of(pid: int) -> SharedMemory:
    """The page that a gateway's processes share, mapped here as well."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # one that was closed meanwhile
            if "memfd:gateway-page" in os.readlink(link):
                return SharedMemory.attach(os.open(link, os.O_RDWR))
    raise AssertionError(f"process {pid} has no page")


def resident(pid: int) -> int:
    """Resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
