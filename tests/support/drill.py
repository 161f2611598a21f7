"""What a pair of gateways behind a balancer goes through in its life, all of it in one minute, under load."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.callers import Call, Callers
from tests.support.gateway import Gateway, wait_until
from tests.support.haproxy import ADDRESSES, Haproxy, haproxy
from tests.support.nginx import nginx
from tests.support.operations import children, is_alive, server
from tests.support.redis import RedisServer, redis

COMMAND = [str(Path(sys.executable).with_name("gateway")), "serve", "-c", "gateway.yaml"]
UPSTREAM = 'server { listen 127.0.0.1:{port}; location / { return 200 "ok\\n"; } }'
WORKERS = 2
#: longer than haproxy needs to find out: 500 ms, and 100 ms until it has failed twice
DELAY = ", drain_delay: 1s"
#: high enough that nobody is ever refused: it is about the store behind them
ROUTES = """
upstreams: {app: {targets: ["TARGET"]}}
routes:
  - {name: leased, match: {path: /leased}, upstream: app, rate_limit: {per: ip, rate: 90000/s, sync: leased}}
  - {name: exact, match: {path: /exact}, upstream: app, rate_limit: {per: ip, rate: 90000/s, sync: exact}}
  - {name: cached, match: {path: /cached}, upstream: app, cache: {ttl: 1s}}
"""


#: seconds: a master starts slowly where the load leaves it little
PATIENCE = 60.0
#: what a caller sees then: the end of its connection, or haproxy's word for that
LOST = (0, 502)


@dataclass(frozen=True, slots=True)
class Stage:
    """One thing that happened: from when to when (monotonic seconds)."""

    name: str
    began: float
    ended: float


@dataclass(slots=True)
class Drill:
    """The gateways, what is around them, and what has happened so far."""

    gateways: dict[str, Gateway]
    balancer: Haproxy
    redis: RedisServer
    #: seconds of quiet after each stage
    calm: float
    #: whether both are rolled, upgraded and taken back, or one of them
    is_whole: bool
    stages: list[Stage] = field(default_factory=list)
    #: from when to when each was killed
    killed: list[tuple[float, float]] = field(default_factory=list)

    def run(self, rate: float, seconds: float = 0.0) -> list[Call]:
        """All stages one after the other, while callers ask `rate` times a second, for `seconds` at least."""
        callers = Callers(self.balancer.port, rate)
        try:
            until = time.monotonic() + seconds
            self._life()
            time.sleep(max(0.0, until - time.monotonic()))
            return callers.stop()
        finally:
            callers.end()

    def _life(self) -> None:
        one, two = ADDRESSES
        both = (one, two) if self.is_whole else (two,)
        self._stage("nothing", lambda: None)
        self._stage("kill -9", self._kill, one)
        self._stage("start again", self._start, one)
        for name in both:
            self._stage(f"TERM and start, {name}", self._roll, name)
        fresh = {}
        for name in both:
            self._stage(f"USR2 and WINCH, {name}", self._upgrade, name, fresh)
        for name in both:
            self._stage(f"back to before, {name}", self._back, name, fresh[name])
        self._stage("Redis away", self.redis.stop)
        self._stage("Redis back", self.redis.start)

    def _stage(self, name: str, do: Callable[..., object], *arguments: object) -> None:
        began = time.monotonic()
        do(*arguments)
        time.sleep(self.calm)
        self.stages.append(Stage(name, began, time.monotonic()))

    def _kill(self, name: str) -> None:
        began = time.monotonic()
        os.killpg(self.gateways[name].pid, signal.SIGKILL)  # the master and all that it started, at once
        self.killed.append((began, time.monotonic()))
        self.gateways[name].stop()
        self.balancer.until(name, up=False)

    def _start(self, name: str) -> None:
        self.gateways[name].start()
        self.balancer.until(name, up=True)

    def _roll(self, name: str) -> None:
        gateway = self.gateways[name]
        assert gateway.stop() == 0
        self.balancer.until(name, up=False)
        self._start(name)

    def _upgrade(self, name: str, fresh: dict[str, int]) -> None:
        """A new master beside the old one, whose workers go."""
        gateway = self.gateways[name]
        # One of them is enough for haproxy, and the other may be a moment later.
        wait_until(lambda: len(serving(gateway)) == WORKERS, "both workers serve", PATIENCE)
        before = set(children(gateway.pid))
        gateway.send(signal.SIGUSR2)
        both = wait_until(
            lambda: found if len(found := serving(gateway)) == 2 * WORKERS else None,
            f"four workers serve; {gateway.output()}",
            PATIENCE,
        )
        (fresh[name],) = set(children(gateway.pid)) - before - both
        gateway.send(signal.SIGWINCH)
        wait_until(lambda: serving(gateway) == set(children(fresh[name])), "the old workers have ended", PATIENCE)
        assert self.balancer.is_up(name)

    def _back(self, name: str, fresh: int) -> None:
        """The old master's workers come back, the new master goes."""
        gateway = self.gateways[name]
        gateway.send(signal.SIGHUP)
        wait_until(lambda: len(serving(gateway)) == 2 * WORKERS, "the old master has workers again", PATIENCE)
        os.kill(fresh, signal.SIGTERM)
        wait_until(lambda: not is_alive(fresh), "the new master ended", PATIENCE)
        assert self.balancer.is_up(name)

    def broken(self, calls: list[Call]) -> list[Call]:
        """Those that were on their way when a gateway was killed, and have no answer of one: what a kill may cost."""
        return [call for call in calls if call.status in LOST and any(_was_open(call, *at) for at in self.killed)]


def serving(gateway: Gateway) -> set[int]:
    """Pids of the workers, of all masters, that serve."""
    try:
        workers = gateway.admin("/api/workers")[1]
    except OSError:  # asked of one that was ending
        return set()
    return {worker["pid"] for worker in workers if worker["state"] == "serving"}


def _was_open(call: Call, began: float, ended: float) -> bool:
    """Whether the call was on its way then, give or take what a signal and a reset need to arrive."""
    return call.due <= ended + 0.1 and call.due + call.seconds >= began


@contextmanager
def drill(folder: Path, mode: str, calm: float, *, is_whole: bool = True) -> Iterator[Drill]:
    """Two gateways of two workers over one Redis and one upstream, behind haproxy."""
    with ExitStack() as stack:
        app = stack.enter_context(nginx(folder / "nginx", UPSTREAM))
        store = stack.enter_context(redis(folder))
        text = f"{server(WORKERS, DELAY)}store: redis://127.0.0.1:{store.port}/0\n{ROUTES.replace('TARGET', app.url)}"
        made = {}
        for name in ADDRESSES:
            (folder / name).mkdir()
            made[name] = Gateway(folder / name, text, command=COMMAND)
            stack.callback(made[name].stop)
            made[name].start()
        balancer = stack.enter_context(haproxy(folder / "haproxy", mode, list(made.values())))
        yield Drill(made, balancer, store, calm, is_whole)
