"""The arena: one temporary folder, the upstream, and each gateway started once, all of them ended on the way out."""

from __future__ import annotations

import os
import re
import resource
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

from perf import identity, peer, tools
from perf.bodies import ITEMS
from perf.configs import gateway_config
from perf.procs import NotServing, Server, free_ports, undisturbed
from perf.scenario import Shape, Trial

HERE = Path(__file__).parent
ROOT = HERE.parent
READY = "/v1/items/42"  # what every peer at full work has
FILES = {"1k": 1_000, "1m": 1_000_000, "10m": 10_000_000}


class Running:
    """A server that answers: where it listens and what is behind it."""

    def __init__(self, server: Server, port: int, admin: int = 0, config: Path | None = None):
        self.server, self.port, self.admin, self.config = server, port, admin, config


class Arena:
    """Starts what trials need and keeps it until the block is left.

    Gateways share the first `cores` cores, upstream and load have the next.  The load generators inherit the load core
    from this process, which moves there itself.
    """

    def __init__(self, cores: int = 1, root: Path = ROOT) -> None:
        self.root = root  # the tree whose gateway is started
        mine = sorted(os.sched_getaffinity(0))
        self.gateway_cores = tuple(mine[:cores])
        self.load_core = mine[min(cores, len(mine) - 1)]
        self.running: dict[tuple[str, str, Shape, int], Running] = {}
        self.servers: list[Server] = []
        self.redis = self.grpc = 0
        self.log: IO[bytes] | None = None
        self.deaf: socket.socket | None = None

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
        with undisturbed():
            for server in reversed(self.servers):
                server.stop()
        os.sched_setaffinity(0, self.cores_before)
        if isinstance(error, NotServing):
            error.add_note((self.folder / "log").read_text(errors="replace")[-2000:])
        for opened in (self.log, self.deaf):
            if opened:
                opened.close()
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

    def _lay_answer(self, path: str) -> None:
        """The file behind a path that names its size, as /files/size-5000."""
        wanted = re.fullmatch(r"/files/(size-(\d+))", path)
        if wanted and not (self.folder / "files" / wanted[1]).exists():
            (self.folder / "files" / wanted[1]).write_bytes(os.urandom(int(wanted[2])))

    def get(self, trial: Trial, sink: int = 0) -> Running:
        """The trial's subject, started on first use; its upstream is ours unless the shape names the sink's port."""
        shape = trial.shape if trial.subject == "gateway" else Shape(upstream=trial.shape.upstream)
        key = (trial.subject, trial.work, shape, sink)
        if key not in self.running:
            self._lay_answer(trial.load.path)
            self.running[key] = self.start(trial, sink)
            server, port = self.running[key].server, self.running[key].port
            if trial.work == "full" and trial.subject != "gateway":
                server.wait_ready(port, get(READY, identity.token(0)))
            elif shape.auth:
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
        if trial.subject != "gateway":
            return self._start_peer(trial, port, admin, upstream)
        config = self.folder / f"gateway-{port}.yaml"
        store = self._redis() if trial.shape.redis else 0
        grpc = self._pricing() if trial.shape.action == "grpc" else 0
        statsd = self._statsd() if trial.shape.observed else 0
        config.write_text(gateway_config(trial.shape, port, admin, upstream, store=store, grpc=grpc, statsd=statsd))
        command = [gateway_command(self.root), "serve", "-c", str(config)]
        server = self._start("gateway", command, self.gateway_cores, PYTHONPATH=str(self.root))
        return Running(server, port, admin, config)

    def _start_peer(self, trial: Trial, port: int, admin: int, upstream: int) -> Running:
        """A peer as its file says, in a folder of its own."""
        found = peer.load(trial.subject)
        work = found.works[trial.work]
        folder = self.folder / f"{found.name}-{port}"
        (folder / "tmp").mkdir(parents=True)
        values = peer.values(found, folder, port, admin, upstream)
        for file in work.files:
            (folder / Path(file).name).write_text(peer.fill((peer.FOLDER / file).read_text(), values))
        command = [peer.fill(word, values) for word in work.start]
        env = {name: peer.fill(value, values) for name, value in work.env}
        return Running(self._start(found.name, command, self.gateway_cores, **env), port, admin)

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

    def _statsd(self) -> int:
        """A port that packets are sent to; nobody reads them."""
        if self.deaf is None:
            self.deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.deaf.bind(("127.0.0.1", 0))
        return int(self.deaf.getsockname()[1])

    def _pricing(self) -> int:
        """The port of the example that speaks gRPC, started on first use beside upstream and load."""
        if not self.grpc:
            ports = free_ports(5)
            command = [sys.executable, "-m", "gateway.examples", "--ports", ",".join(map(str, ports))]
            self.grpc = ports[4]
            self._start("examples", command, self.load_core).wait_listening(self.grpc)
        return self.grpc

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

    def _start(self, name: str, command: list[str], core: int | tuple[int, ...], **env: str) -> Server:
        assert self.log is not None
        # Compiled once, as pip does where the gateway is installed.
        once = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
        server = Server(name, command, core, self.log, once | env)
        self.servers.append(server)
        return server

    def _nginx(self, config: Path) -> list[str]:
        return [tools.find("nginx") or "nginx", "-p", str(self.folder), "-e", "nginx.err", "-c", str(config)]

    def _nginx_config(self, template: str, **values: int) -> Path:
        text = (HERE / "peers" / f"{template}.conf").read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        target = self.folder / f"{template}.conf"
        target.write_text(text)
        return target


def gateway_command(root: Path = ROOT) -> str:
    """The `gateway` script of the environment we run in, or of another tree's own."""
    folder = Path(sys.executable).parent if root == ROOT else root / ".venv" / "bin"
    return str(folder / "gateway")


def get(path: str, token: str = "") -> bytes:
    """A GET request of one connection's length, by the bearer of a token when one is given."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: perf\r\n{bearer}Connection: close\r\n\r\n".encode()


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = 16384 if hard == resource.RLIM_INFINITY else min(16384, hard)
    if soft < want:
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
