"""Scenarios: what is simulated, one TOML file each in perf/simulation/scenarios.

`title` and `kind`; then what the kind takes: the fields of Capacity, Redis, Scaling or Leases.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from perf.scenario import ScenarioError, record, tables
from perf.simulation.cluster import Setting
from perf.simulation.store import Keys

FOLDER = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many pods so many requests a minute take, for each line."""

    per_minute: tuple[float, ...]
    lines: tuple[str, ...]
    setting: Setting = field(default_factory=Setting)


@dataclass(frozen=True, slots=True)
class Redis:
    """One Redis at these rates (requests a second), asked by the workers of the pods that each rate takes."""

    rates: tuple[float, ...]
    modes: tuple[str, ...]
    rtt_ms: float = 0.5
    seconds: float = 2.0
    keys: Keys = field(default_factory=Keys)
    setting: Setting = field(default_factory=Setting)


@dataclass(frozen=True, slots=True)
class Scaling:
    """Pods under the autoscaler; `replicas` 0: where it settles. Who would wait longer than `patience` is refused."""

    line: str
    shape: str
    rate: float
    seconds: float
    replicas: int
    factor: float = 1.0
    start: float = 0.0
    length: float = 0.0
    swing: float = 0.0
    loss: float = 0.0
    patience: float = 1.0
    step: float = 0.1
    every: float = 1.0
    setting: Setting = field(default_factory=Setting)


@dataclass(frozen=True, slots=True)
class Leases:
    """One leased key on so many hosts; `pressures` are how many times the limit is asked for."""

    hosts: tuple[int, ...]
    pressures: tuple[float, ...]
    rate: float
    burst: float
    rtt_ms: float = 1.0
    seconds: float = 20.0


KINDS: dict[str, type] = {"capacity": Capacity, "redis": Redis, "scaling": Scaling, "leases": Leases}
TABLES: dict[str, type] = {"setting": Setting, "keys": Keys}
SHAPES = ("steady", "burst", "diurnal")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole file."""

    name: str
    title: str
    kind: str
    of: Capacity | Redis | Scaling | Leases


def load_all(folder: Path = FOLDER) -> dict[str, Scenario]:
    """Every scenario, by name."""
    return {path.stem: parse(path.stem, path.read_text()) for path in sorted(folder.glob("*.toml"))}


def parse(name: str, text: str) -> Scenario:
    """One file; whatever it does not know is an error."""
    document = tables(name, text)
    title, kind = document.pop("title", name), document.pop("kind", "")
    if kind not in KINDS:
        raise ScenarioError(f"{name}.toml: kind {kind!r} is none of {', '.join(KINDS)}")
    for table, of in TABLES.items():
        if table in document:
            document[table] = record(f"{name}.toml: {table}", of, document[table])
    found = record(f"{name}.toml", KINDS[kind], document)
    if isinstance(found, Scaling) and found.shape not in SHAPES:
        raise ScenarioError(f"{name}.toml: shape {found.shape!r} is none of {', '.join(SHAPES)}")
    return Scenario(name, title, kind, found)
