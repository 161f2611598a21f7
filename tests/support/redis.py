"""Real redis-server processes on loopback ports: alone, with a password, over TLS, a cluster, behind a sentinel."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.certs import Pair
from tests.support.gateway import free_port, wait_until

PASSWORD = "s3cret/with@odd:signs"
SLOTS = 16384


class RedisServer:
    """One redis-server that writes nothing to disk. `arguments` are those of its command line."""

    def __init__(self, folder: Path, *arguments: str, password: str = "", tls: tuple[Pair, Pair] | None = None) -> None:
        """`tls` is (authority, certificate): then it listens with TLS only, and asks clients for no certificate."""
        self.port = free_port()
        self.folder = folder / f"redis-{self.port}"
        self.folder.mkdir()
        self._password = password
        self._tls = tls
        self._command = [
            *("redis-server", "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "", "--appendonly", "no"),
            *("--tls-port" if tls else "--port", str(self.port), *(("--port", "0") if tls else ())),
            *(("--requirepass", password) if password else ()),
            *arguments,
        ]
        if tls:
            authority, pair = tls
            self._command += ["--tls-cert-file", str(pair.cert), "--tls-key-file", str(pair.key)]
            self._command += ["--tls-ca-cert-file", str(authority.cert), "--tls-auth-clients", "no"]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        """Start it and wait until it listens."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(self._listens, f"redis-server listens; its log: {(self.folder / 'log').read_text()}")
        return self

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, *words: str) -> str:
        """What the server answers to a command, without TLS."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as sock, sock.makefile("rwb") as file:
            for command in [("AUTH", self._password)] * bool(self._password) + [words]:
                parts = [b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in command]
                file.write(b"*%d\r\n" % len(parts) + b"".join(parts))
                file.flush()
                answer = file.readline()
                if answer[:1] == b"$" and answer != b"$-1\r\n":
                    answer = file.read(int(answer[1:]) + 2)
        return answer.decode().strip()

    def pause(self) -> None:
        """Make it silent: connections are taken and nothing is answered."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        # The signal is not yet the halt: what its threads have begun of the kernel's they end before.
        wait_until(self._has_halted, "redis-server halts")

    def _has_halted(self) -> bool:
        assert self.process is not None
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return all((each / "stat").read_text().rpartition(")")[2].split()[0] == "T" for each in threads)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it. Safe to call twice."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def redis(
    folder: Path, *arguments: str, password: str = "", tls: tuple[Pair, Pair] | None = None
) -> Iterator[RedisServer]:
    """One server, ended at the end."""
    server = RedisServer(folder, *arguments, password=password, tls=tls)
    try:
        yield server.start()
    finally:
        server.stop()


@contextmanager
def cluster(folder: Path, nodes: int = 3) -> Iterator[list[RedisServer]]:
    """A Redis Cluster of masters that share the slots evenly."""
    servers: list[RedisServer] = []
    buses = [str(free_port()) for _ in range(nodes)]
    try:
        for bus in buses:
            options = ("--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "5000")
            servers.append(RedisServer(folder, *options).start())
        for number, server in enumerate(servers):
            first, after = number * SLOTS // nodes, (number + 1) * SLOTS // nodes
            assert server.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(after - 1)) == "+OK"
            assert server.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1)) == "+OK"
        for server in servers[1:]:
            assert server.ask("CLUSTER", "MEET", "127.0.0.1", str(servers[0].port), buses[0]) == "+OK"
        for server in servers:
            wait_until(lambda server=server: _is_whole(server, nodes), "the cluster is whole")
        yield servers
    finally:
        for server in servers:
            server.stop()


def _is_whole(server: RedisServer, nodes: int) -> bool:
    info = server.ask("CLUSTER", "INFO")
    return "cluster_state:ok" in info and f"cluster_known_nodes:{nodes}" in info


@contextmanager
def sentinel(folder: Path, master: RedisServer, name: str) -> Iterator[RedisServer]:
    """A sentinel that watches `master` under `name`."""
    config = folder / "sentinel.conf"
    config.write_text(f"sentinel monitor {name} 127.0.0.1 {master.port} 1\n")
    server = RedisServer(folder)
    server._command = ["redis-server", str(config), "--sentinel", "--bind", "127.0.0.1", "--port", str(server.port)]
    server._command += ["--dir", str(server.folder)]
    try:
        yield server.start()
    finally:
        server.stop()
