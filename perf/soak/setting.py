"""What a soak runs against: a gateway with two workers, its configuration and its upstream."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import jwt

from perf.procs import Server, free_ports, session_pids, undisturbed
from perf.soak.leaking import LEAKS

ROOT = Path(__file__).parents[2]
WORKERS = 2
ISSUER, AUDIENCE = "https://id.example.com/", "soak"
#: kept answers of each worker: what is full early does not grow later
CACHE = "2MB"
_local = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def secret(number: int) -> str:
    """That of the `number`-th configuration: there are two, in turn."""
    return f"soak: secret number {number % 2} of a test, long enough for HS256"


def token(caller: int, number: int, *, is_over: bool = False) -> str:
    """A token that the `number`-th configuration believes; the same one for the same caller."""
    begin = 1_700_000_000
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"caller-{caller}", "iat": begin, "scope": "read"}
    return jwt.encode(claims | {"exp": begin + (1 if is_over else 10**9)}, secret(number), algorithm="HS256")


def config(port: int, admin: int, upstream: int, number: int, seeds: Sequence[str] = ()) -> str:
    """The `number`-th configuration, as JSON."""
    up = {
        "targets": [f"http://127.0.0.1:{upstream}"],
        "retry": {"attempts": 2, "on": ["connect", "reset", 502], "budget": "20%"},
    }
    impatient = up | {"timeout": {"connect": "1s", "read": "300ms"}}
    routes: list[dict[str, Any]] = [
        {"name": "plan", "match": {"path": "/plan"}, "respond": {"status": 200, "body": str(number)}},
        {"name": "ok", "match": {"path": "/ok/{rest:path}"}, "upstream": "up"},
        {"name": "fault", "match": {"path": "/fault/{rest:path}"}, "upstream": "impatient", "rewrite": "/{rest}"},
        {"name": "drip", "match": {"path": "/drip/{rest:path}"}, "upstream": "up"},
        {"name": "big", "match": {"path": "/big/{rest:path}"}, "upstream": "up", "compress": {}},
        {"name": "item", "match": {"path": "/item/{rest:path}"}, "upstream": "up", "cache": {"ttl": "20s"}},
        {
            "name": "mine",
            "match": {"path": "/mine/{rest:path}"},
            "upstream": "up",
            "auth": {"use": ["callers"], "scopes": ["read"]},
            "rate_limit": {"per": "client", "rate": "1000/s", "burst": 1000},
        },
    ]
    if seeds:
        routes.append({"name": "leak", "match": {"path": "/leak"}, "function": "perf.soak.leaking:leak"})
    provider = {"issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["HS256"], "secret": secret(number)}
    document = {
        "version": 1,
        "server": {
            "bind": f"127.0.0.1:{port}",
            "admin": f"127.0.0.1:{admin}",
            "workers": WORKERS,
            "worker_memory": "off",  # who leaks shall be seen, not replaced
            "cache": {"memory": CACHE},
            "trusted_proxies": ["127.0.0.1"],
            "limits": {"header_timeout": "2s", "body_timeout": "2s"},
        },
        "auth": {"callers": {"jwt": provider}},
        "rate_limits": [{"name": "address", "per": "ip", "rate": "1000/s", "burst": 1000}],
        "upstreams": {"up": up, "impatient": impatient},
        "observability": {
            "access_log": {"format": "json", "to": "/dev/null"},
            "tracing": {"otlp": f"http://127.0.0.1:{upstream}", "sample": "1%"},
        },
        "routes": routes,
    }
    return json.dumps(document, indent=1)


class Setting:
    """Started on the way in, ended to the last process on the way out."""

    def __init__(self, seeds: Sequence[str] = ()) -> None:
        """`seeds` are what shall leak, by the names of perf/soak/leaking.py."""
        self.seeds = seeds
        self.number = 0
        self.port, self.admin, self.upstream = free_ports(3)

    def __enter__(self) -> Setting:
        self.folder = Path(tempfile.mkdtemp(prefix="perf-soak-"))
        self._log = (self.folder / "log").open("ab")
        self._servers: list[Server] = []
        try:
            self._start("upstream", [sys.executable, "-m", "perf.soak.upstream", str(self.upstream)])
            self._servers[0].wait_listening(self.upstream)
            self.write()
            command = [str(Path(sys.executable).parent / "gateway"), "serve", "-c", str(self._file)]
            self._start("gateway", command).wait_ready(self.port, b"GET /plan HTTP/1.1\r\nHost: a\r\n\r\n")
            self._wait_for_workers()
        except BaseException as error:
            error.add_note(self.said()[-2000:])
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        with undisturbed():
            for server in reversed(self._servers):
                server.stop()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _file(self) -> Path:
        return self.folder / "gateway.yaml"

    def said(self) -> str:
        """The log of the gateway and its upstream."""
        return (self.folder / "log").read_text(errors="replace")

    def write(self, text: str = "") -> None:
        """Put a configuration in place: the current one, or any text."""
        new = self._file.with_suffix(".new")
        new.write_text(text or config(self.port, self.admin, self.upstream, self.number, self.seeds))
        new.replace(self._file)

    def ask(self, path: str, method: str = "GET", patience: float = 30.0) -> tuple[int, Any]:
        """(status, JSON) of the admin listener."""
        url = f"http://127.0.0.1:{self.admin}{path}"
        request = urllib.request.Request(url, method=method, headers={"X-Gateway-Admin": "1"})
        try:
            with _local.open(request, timeout=patience) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def beside(self, workers: set[int]) -> dict[str, dict[str, float]]:
        """Descriptors of the gateway's other processes; the observer's memory grows with its history, to a bound."""
        master, held = self._servers[-1].sid, {}
        for pid in sorted(set(session_pids(master)) - workers):
            with contextlib.suppress(OSError):  # it has ended
                count = len(os.listdir(f"/proc/{pid}/fd"))
                held["master" if pid == master else f"helper {pid}"] = {"fds": float(count)}
        return held

    def _start(self, name: str, command: list[str]) -> Server:
        cores = tuple(sorted(os.sched_getaffinity(0)))
        env = {"PYTHONPATH": str(ROOT), LEAKS: ",".join(self.seeds)}
        self._servers.append(Server(name, command, cores, self._log, env))
        return self._servers[-1]

    def _wait_for_workers(self, patience: float = 15.0) -> None:
        until = time.monotonic() + patience
        while sum(row["state"] == "serving" for row in self.ask("/api/workers")[1]) < WORKERS:
            if time.monotonic() > until:
                raise OSError(f"not within {patience:g} s: {WORKERS} workers serve")
            time.sleep(0.05)
