"""The arena: one temporary folder, the upstream, and each gateway started once, all of them ended on the way out."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

from perf import identity, tools
from perf.bodies import VALIDATE
from perf.procs import NotServing, Server, free_ports
from perf.scenario import Shape, Trial

HERE = Path(__file__).parent
ROOT = HERE.parent
FILES = {"1k": 1_000, "1m": 1_000_000, "10m": 10_000_000}
#: all that stands between a request and a target that may fail
GUARDS: dict[str, object] = {
    "balance": "p2c",
    "retry": {"attempts": 2, "on": ["connect", "reset", 502, 503, 504], "budget": "20%", "backoff": "25ms"},
    "health": {"path": "/healthz", "every": "5s", "timeout": "1s", "fall": 3, "rise": 2, "expect": [200]},
    "outlier": {"consecutive_5xx": 5, "eject_for": "30s", "max_ejected": "50%"},
    "circuit_breaker": {"failure_rate": "50%", "window": "10s", "min_requests": 20, "open_for": "5s", "half_open": 3},
}

#: limits that never refuse here: what is measured is asking them
FOR_ALL: dict[str, object] = {"name": "global", "per": "all", "rate": "500000/s", "burst": 1_000_000}
PER_CLIENT: dict[str, object] = {"per": "client", "rate": "500000/s", "burst": 1_000_000}

#: the upstream says of no file what it is
COMPRESS: dict[str, object] = {"compress": {"types": ["application/octet-stream"]}}
TRANSFORM: dict[str, object] = {"transform": {"response": {"json": {"remove": ["price"]}}}}
#: 10 KB of JSON
ITEMS = json.dumps(
    [{"id": i, "name": f"item {i * 7919 % 1000}", "price": i * 31 % 97, "ok": i % 3 == 0} for i in range(180)]
)


class Running:
    """A server that answers: where it listens and what is behind it."""

    def __init__(self, server: Server, port: int, admin: int = 0, config: Path | None = None):
        self.server, self.port, self.admin, self.config = server, port, admin, config


class Arena:
    """Starts what trials need and keeps it until the block is left; gateways on one core, upstream and load on another.

    The load generators inherit the load core from this process, which moves there itself.
    """

    def __init__(self) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self.gateway_core, self.load_core = cores[0], cores[1 % len(cores)]
        self.running: dict[tuple[str, Shape, int], Running] = {}
        self.servers: list[Server] = []
        self.redis = 0
        self.log: IO[bytes] | None = None

    def __enter__(self) -> Arena:
        tools.ensure("nginx", "wrk", "redis-server")
        _raise_file_limit()
        self.cores_before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.load_core})
        self.folder = Path(tempfile.mkdtemp(prefix="perf-"))
        try:
            self._lay_folder()
            self.log = (self.folder / "log").open("ab")
            self.upstream, sink = free_ports(2)
            config = self._nginx_config("upstream", UPSTREAM=0, PORT=self.upstream, SINK=sink)
            self._start("upstream", self._nginx(config), self.load_core).wait_ready(self.upstream, get("/"))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them behind
        for server in reversed(self.servers):
            server.stop()
        signal.signal(signal.SIGINT, interrupt)
        os.sched_setaffinity(0, self.cores_before)
        if isinstance(error, NotServing):
            error.add_note((self.folder / "log").read_text(errors="replace")[-2000:])
        if self.log:
            self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _lay_folder(self) -> None:
        # NOTE: nginx's worker gives up root; it must be able to walk in here all the same.
        self.folder.chmod(0o755)
        (self.folder / "tmp").mkdir()
        files = self.folder / "files"
        files.mkdir()
        for name, size in FILES.items():
            (files / name).write_bytes(os.urandom(1000) * (size // 1000))
        (files / "json").write_text(ITEMS)
        (files / "json-40k").write_text(ITEMS * 4)
        with (files / "1g").open("wb") as big:  # sparse: it takes no room on the disk
            big.truncate(1_000_000_000)

    def get(self, trial: Trial, sink: int = 0) -> Running:
        """The trial's subject, started on first use; its upstream is ours unless the shape names the sink's port."""
        shape = trial.shape if trial.subject == "gateway" else Shape(upstream=trial.shape.upstream)
        key = (trial.subject, shape, sink)
        if key not in self.running:
            self.running[key] = self.start(trial, sink)
            server, port = self.running[key].server, self.running[key].port
            if shape.auth:
                server.wait_ready(port, get(trial.load.path), accept="4")  # 401: it knows who does not call
            elif trial.load.method == "GET":
                server.wait_ready(port, get(trial.load.path))
            else:
                server.wait_ready(port, b"OPTIONS * HTTP/1.1\r\nHost: perf\r\nConnection: close\r\n\r\n", accept="2345")
        return self.running[key]

    def start(self, trial: Trial, sink: int = 0) -> Running:
        """A fresh process of the trial's subject, which may not answer yet."""
        upstream = sink or self.upstream
        port, admin = free_ports(2)
        if trial.subject == "direct":
            return Running(self.servers[0], upstream)
        if trial.subject == "nginx":
            command = self._nginx(self._nginx_config("nginx", PORT=port, UPSTREAM=upstream, name=f"nginx-{port}"))
            return Running(self._start("nginx", command, self.gateway_core), port)
        if trial.subject == "stock":
            command = f"-m gunicorn -k gevent -b 127.0.0.1:{port} perf.peers.stock:application".split()
            command.insert(0, sys.executable)
            return Running(self._start("stock", command, self.gateway_core, PERF_UPSTREAM=str(upstream)), port)
        config = self.folder / f"gateway-{port}.yaml"
        store = self._redis() if trial.shape.redis else 0
        config.write_text(gateway_config(trial.shape, port, admin, upstream, store))
        command = [gateway_command(), "serve", "-c", str(config)]
        return Running(self._start("gateway", command, self.gateway_core), port, admin, config)

    def _redis(self) -> int:
        """The port of the one Redis, started on first use beside upstream and load."""
        if not self.redis:
            (self.redis,) = free_ports(1)
            command = (
                f"{tools.find('redis-server') or 'redis-server'} --bind 127.0.0.1 --port {self.redis} --appendonly no"
            )
            server = self._start("redis", [*command.split(), "--save", "", "--dir", str(self.folder)], self.load_core)
            server.wait_listening(self.redis)
        return self.redis

    def tokens(self, count: int) -> Path | None:
        """A file of so many tokens, each of another caller; None for none."""
        path = self.folder / f"tokens-{count}"
        if count and not path.exists():
            path.write_text("".join(f"{identity.token(number)}\n" for number in range(count)))
        return path if count else None

    def stop(self, running: Running) -> None:
        """End one server before the block does."""
        running.server.stop()
        self.servers.remove(running.server)

    def _start(self, name: str, command: list[str], core: int, **env: str) -> Server:
        assert self.log is not None
        # Compiled once, as pip does where the gateway is installed.
        once = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
        server = Server(name, command, core, self.log, once | env)
        self.servers.append(server)
        return server

    def _nginx(self, config: Path) -> list[str]:
        return [tools.find("nginx") or "nginx", "-p", str(self.folder), "-e", "nginx.err", "-c", str(config)]

    def _nginx_config(self, template: str, name: str = "", **values: int) -> Path:
        text = (HERE / "peers" / f"{template}.conf").read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        target = self.folder / f"{name or template}.conf"
        target.write_text(text)
        return target


def gateway_command() -> str:
    """The `gateway` script of the environment we run in."""
    return str(Path(sys.executable).parent / "gateway")


def limit(spec: dict[str, object], shape: Shape) -> dict[str, object]:
    """A limit of this shape."""
    return spec | ({"sync": shape.redis} if shape.redis else {})


def gateway_config(shape: Shape, port: int, admin: int, upstream: int, store: int = 0) -> str:
    """A configuration of this shape as JSON, or the named file of the repository listening on these ports instead."""
    if shape.file:
        text = (ROOT / shape.file).read_text()
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("127.0.0.1:8001", f"127.0.0.1:{admin}")
    routes: list[dict[str, object]] = [
        {"name": f"r{i}", "match": {"path": f"/svc{i}/{{a}}/things/{{b:int}}", "methods": ["GET"]}, "upstream": "up"}
        for i in range(shape.routes - 1)
    ]
    match: dict[str, object] = {"path": shape.path} | ({"methods": list(shape.methods)} if shape.methods else {})
    more = (identity.ROUTE if shape.auth else {}) | ({"rate_limit": limit(PER_CLIENT, shape)} if shape.limits else {})
    more |= {"validate": VALIDATE} if shape.validated else {}
    more |= {"sanitize": {"sql_injection": "block", "xss": "block"}} if shape.sanitized else {}
    more |= (COMPRESS if shape.compress else {}) | (TRANSFORM if shape.transform else {})
    more |= {"cache": {"ttl": shape.cache}} if shape.cache else {}
    routes.append({"name": "measured", "match": match, "upstream": "up"} | more)
    return json.dumps(
        {
            **(identity.SECTIONS if shape.auth else {}),
            **({"rate_limits": [limit(FOR_ALL, shape)]} if shape.limits else {}),
            **({"store": f"redis://127.0.0.1:{store}/0"} if shape.redis else {}),
            "version": 1,
            "server": {
                "bind": f"127.0.0.1:{port}",
                "admin": f"127.0.0.1:{admin}",
                "workers": shape.workers,
                "limits": {"body": shape.body_limit},
            },
            "upstreams": {"up": _upstream(shape, upstream)},
            "observability": {"access_log": {"format": "json", "to": "/dev/null"}},
            "routes": routes,
        },
        indent=1,
    )


def _upstream(shape: Shape, port: int) -> dict[str, object]:
    targets = [f"http://127.0.0.{1 + number}:{port}" for number in range(shape.targets)]
    guards = GUARDS if shape.guarded else {}
    return {"targets": targets, "pool": {"max_connections": 600}, **guards}


def get(path: str) -> bytes:
    """A GET request of one connection's length."""
    return f"GET {path} HTTP/1.1\r\nHost: perf\r\nConnection: close\r\n\r\n".encode()


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = 16384 if hard == resource.RLIM_INFINITY else min(16384, hard)
    if soft < want:
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
