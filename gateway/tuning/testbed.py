"""The test stand: the echo, one gateway after another or several at once, and load on one of them at a time."""

from __future__ import annotations

import os
import pickle
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from gateway.config.model import Document
from gateway.tuning.burst import burst
from gateway.tuning.config import Place, Settings, tuned_config
from gateway.tuning.order import LoadJob, LoadResult, together
from gateway.tuning.processes import Child, free_ports, machine_busy, session_cpu, tree_memory, undisturbed
from gateway.tuning.request import CannotTune, RequestTemplate

READY: Final = 20.0  # seconds for a gateway to answer
_STEP: Final = 0.02
#: workers that one generator process, or one echo process, is set against: each is a good deal quicker than a worker
WORKERS_PER_PROCESS: Final = 3
_DESCRIPTORS: Final = 16384


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of load came to.

    `cpu`, `others` and `busy` are CPU seconds of the gateway, of processes that are none of ours, and of all cores;
    `whole` those there were; `generator` the share of its core that the busiest generator used.
    """

    answered: LoadResult
    cpu: float
    busy: float
    whole: float
    others: float
    generator: float


class GatewayProcess:
    """A gateway that serves, and the generators that are set against it."""

    def __init__(self, child: Child, generators: list[Child], settings: Settings, place: Place) -> None:
        self.child, self.generators, self.settings, self.place = child, generators, settings, place

    def memory(self) -> float:
        """That of all its processes in MB."""
        return tree_memory(self.child.sid)


class Testbed:
    """Starts what is needed and ends all of it when the block is left, however it is left."""

    def __init__(
        self, document: Document, ask: RequestTemplate, *, is_echo: bool, usable: int, answer: int = 1000
    ) -> None:
        """`usable` is how many cores there are for us; `answer` the size of the echo's answers in bytes."""
        self._document, self._ask, self._size = document, ask, answer
        self._is_echo = is_echo
        self._children: list[Child] = []
        self._echo = 0
        self._whole = self._others = 0.0
        self.cores = sorted(os.sched_getaffinity(0))
        self.usable = usable
        self._quota = usable if usable < len(self.cores) else 0

    def __enter__(self) -> Testbed:
        _raise_descriptor_limit()
        self._log = open(os.memfd_create("gateway-tune"), "w+b")  # no folder has to be writable
        try:
            if self._is_echo:
                self._start_echo()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        with undisturbed(), self._log:
            for child in reversed(self._children):
                child.stop()

    def serve(self, settings: Settings) -> GatewayProcess:
        """A gateway with these settings, once it answers. Raises CannotTune."""
        port, admin = free_ports(2)
        place = Place(port, admin, self._echo)
        document = tuned_config(self._document, settings, place)
        child = self._start("gateway.tuning.gateway_process", [], self._gateway_cores(settings.workers))
        child.tell_all(pickle.dumps((document, settings.overrides()), protocol=5))
        cores = self._load_cores(settings.workers)
        generators = [self._start("gateway.tuning.load", [], cores) for _ in range(_processes(settings.workers))]
        subject = GatewayProcess(child, generators, settings, place)
        end = time.monotonic() + READY
        while not _is_ready(admin):
            if child.process.poll() is not None or time.monotonic() > end:
                raise CannotTune(f"the gateway does not start here:\n{self._said()}")
            time.sleep(_STEP)
        return subject

    def end(self, subject: GatewayProcess) -> None:
        """End one gateway before the block does."""
        for child in (*subject.generators, subject.child):
            child.stop()
            self._children.remove(child)

    def try_once(self, subject: GatewayProcess) -> tuple[int, str]:
        """(status, first bytes of the body) of one request."""
        with socket.create_connection(("127.0.0.1", subject.place.port), 5) as connection:
            connection.sendall(self._ask.text(last=True).encode("latin-1"))
            connection.settimeout(READY)
            data = b""
            while more := connection.recv(65536):
                data += more
                if len(data) > 1 << 20:
                    break
        head, _, body = data.partition(b"\r\n\r\n")
        return (int(head[9:12]) if head[9:12].isdigit() else 0), body[:2000].decode("utf-8", "replace")

    def burst(self, subject: GatewayProcess, count: int) -> tuple[float, int]:
        """(seconds until the last was answered, how many were not) of so many clients at once."""
        return burst(subject.place.port, self._ask.text().encode("latin-1"), count)

    @contextmanager
    def held(self, subject: GatewayProcess, count: int) -> Iterator[None]:
        """So many kept-alive connections, on each of which one request was answered."""
        request = self._ask.text().encode("latin-1")
        with ExitStack() as opened:
            for _ in range(count):
                client = opened.enter_context(socket.create_connection(("127.0.0.1", subject.place.port), READY))
                client.sendall(request)
                client.recv(65536)
            yield

    def load(
        self, subject: GatewayProcess, connections: int, seconds: float, *, rate: float = 0.0, fresh: bool = False
    ) -> Round:
        """One round on a gateway; `rate` 0 asks as fast as it answers. Raises CannotTune when a generator fails."""
        generators = subject.generators[:connections]
        parts = len(generators)
        orders = [
            LoadJob(
                subject.place.port,
                self._ask.text(last=fresh),
                connections // parts + (number < connections % parts),
                seconds,
                rate / parts,
                fresh,
            )
            for number in range(parts)
        ]
        before = self._spent(subject)
        for child, order in zip(generators, orders, strict=True):
            child.tell(order.to_json().encode() + b"\n")
        lines = [child.line() for child in generators]
        if not all(lines):
            raise CannotTune(f"load could not be made: {self._said()}")
        found = [LoadResult.from_json(line) for line in lines]
        cpu, ours, busy, whole = (now - then for now, then in zip(self._spent(subject), before, strict=True))
        generator = max(part.cpu / part.seconds for part in found)
        others = max(0.0, busy - ours)
        self._whole += whole
        self._others += others
        return Round(together(found), cpu, busy, whole, others, generator)

    @property
    def others(self) -> float:
        """The share of all cores, during load, that went to processes that are none of ours."""
        return self._others / self._whole if self._whole else 0.0

    def _spent(self, subject: GatewayProcess) -> tuple[float, float, float, float]:
        """CPU seconds until now: of a gateway, of all that is ours, of all cores, and those there were."""
        own = sum(os.times()[:4])  # this process, and children that have ended
        ours = own + sum(session_cpu(child.sid) for child in self._children)
        if self._quota:  # a control group has a part of the machine, and what others do with the rest does not matter
            return session_cpu(subject.child.sid), ours, ours, self._quota * time.monotonic()
        return (session_cpu(subject.child.sid), ours, *machine_busy())

    def _gateway_cores(self, workers: int) -> list[int]:
        """Cores of its own while there are more than it needs; else it shares all of them with the load."""
        return self.cores[:workers] if workers < len(self.cores) else []

    def _load_cores(self, workers: int) -> list[int]:
        return self.cores[workers:] if workers < len(self.cores) else []

    def _start_echo(self) -> None:
        """As many as the largest number of workers asks for, behind one port."""
        for _ in range(_processes(len(self.cores))):
            arguments = ["--size", str(self._size), "--port", str(self._echo)]
            child = self._start("gateway.tuning.echo_server", arguments, self._load_cores(1))
            port = child.line()
            if not port:
                raise CannotTune(f"the echo does not start here:\n{self._said()}")
            self._echo = int(port)

    def _start(self, module: str, arguments: list[str], cores: list[int]) -> Child:
        child = Child(module, arguments, cores, self._log)
        self._children.append(child)
        return child

    def _said(self) -> str:
        """The last lines that any of them wrote."""
        self._log.seek(0)
        return "\n".join(self._log.read().decode("utf-8", "replace").strip().splitlines()[-8:])


def _processes(workers: int) -> int:
    return -(-workers // WORKERS_PER_PROCESS)


def _is_ready(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.settimeout(2)
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(64)[9:12] == b"200"
    except OSError:
        return False


def _raise_descriptor_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft < want:
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
