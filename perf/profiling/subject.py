"""The gateway of a scenario, started as the suite does or under another program, and the worker that serves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf.arena import Arena
from perf.load import LoadFailed
from perf.procs import Server, session_pids
from perf.profiling.client import Client, requests
from perf.scenario import Scenario, ScenarioError, Trial

SLOW = 240.0  # seconds to start for a gateway under valgrind
WARM = 600  # requests before anything is looked at
KINDS = ("load", "latency")  # of scenarios whose load can be kept up


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: the busy worker, who loads it and where."""

    worker: int
    port: int
    client: Client
    tokens: Path | None


class Wrapped(Arena):
    """An arena whose gateway runs under `prefix`, a program and its options, with more in its environment."""

    def __init__(self, prefix: Sequence[str], env: dict[str, str]) -> None:
        super().__init__()
        self.prefix, self.env = prefix, env

    def _start(self, name: str, command: list[str], core: int | tuple[int, ...], **env: str) -> Server:
        if name != "gateway" or not self.prefix:
            return super()._start(name, command, core, **env)
        paths = {"PYTHONPATH": f"{self.env['PYTHONPATH']}:{env['PYTHONPATH']}"} if "PYTHONPATH" in self.env else {}
        server = super()._start(name, [*self.prefix, *command], core, **env | self.env | paths)
        server.patience = SLOW
        return server


def trial_of(scenarios: dict[str, Scenario], name: str) -> Trial:
    """The gateway's trial of SCENARIO, SCENARIO@VARIANT, or VARIANT where one scenario alone has it.

    SCENARIO alone is its variant of that name, or its first.
    """
    word, _, variant = name.partition("@")
    if word not in scenarios and not variant:
        owners = [each for each, scenario in scenarios.items() if word in scenario.variants]
        word, variant = (owners[0], word) if len(owners) == 1 else (word, "")
    if word not in scenarios:
        raise ScenarioError(f"no scenario {name!r}; there are {', '.join(sorted(scenarios))}")
    if scenarios[word].kind not in KINDS:
        raise ScenarioError(f"{word}: there is no steady load in a scenario of kind {scenarios[word].kind!r}")
    mine = {trial.series: trial for trial in scenarios[word].trials if trial.subject == "gateway"}
    if variant and f"gateway@{variant}" not in mine:
        raise ScenarioError(f"{word} has no variant {variant!r}; there are {', '.join(scenarios[word].variants)}")
    return mine.get(f"gateway@{variant or word}") or next(iter(mine.values()))


@contextmanager
def loaded(trial: Trial, prefix: Sequence[str] = (), env: dict[str, str] | None = None) -> Iterator[Subject]:
    """The trial's gateway, warm, with all of its connections open."""
    with Wrapped(prefix, env or {}) as arena:
        running = arena.get(trial)
        tokens = arena.tokens(trial.load.tokens)
        sent = requests(trial.load, running.port, tokens.read_text().split() if tokens else ())
        client = Client(running.port, sent, trial.load.connections)
        try:
            before = {pid: ticks(pid) for pid in session_pids(running.server.sid)}
            client.run(WARM)
            _all_well(client)
            worker = max(before, key=lambda pid: ticks(pid) - before[pid])
            yield Subject(worker, running.port, client, tokens)
            _all_well(client)
        finally:
            client.close()


def _all_well(client: Client) -> None:
    """Raises LoadFailed: what a refusal costs is not what was asked."""
    if bad := [status for status in client.statuses if status[0] not in "23"]:
        raise LoadFailed(f"{client.statuses[bad[0]]} of {client.statuses.total()} requests were answered with {bad[0]}")


def ticks(pid: int) -> int:
    """User and system time of one process, in clock ticks; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
