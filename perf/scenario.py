"""Scenarios: what is started, how it is loaded, what is measured and where the bar is; one TOML file each.

A file holds `title`, `kind`, `peers`, tables `gateway` (the shape of the configuration) and `load`, any number of
`bar`s, and `variants`: tables of overrides, each a series of its own.  A series is named SUBJECT, or SUBJECT@VARIANT.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from perf import peer

FOLDER = Path(__file__).parent / "scenarios"
SUBJECTS = ("gateway", *peer.names(), "direct")
T = TypeVar("T")
KINDS = ("load", "latency", "cold-start", "idle-memory", "conn-memory", "stream", "reload")


class ScenarioError(Exception):
    """A scenario file that cannot be used; the message names file and key."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The gateway's configuration: `routes` in all, the last of which is the one that is measured."""

    routes: int = 100
    workers: int = 1
    path: str = "/v1/items/{id:int}"
    methods: tuple[str, ...] = ("GET",)
    upstream: str = "nginx"  # or `sink`: the suite's own slow reader
    body_limit: str = "10MB"
    connections: int = 4000  # most of clients, for each worker
    targets: int = 1  # of the upstream: one server under as many addresses (at most 3)
    guarded: bool = False  # with health checks, outlier ejection, circuit breaker, retries under a budget
    auth: bool = False  # the measured route wants a token with a scope and a role
    limits: bool = False  # a limit for all and one per client, neither of which ever refuses
    redis: str = ""  # `exact` or `leased`: the limits are shared by a Redis beside the upstream
    sanitized: bool = False  # every request is screened, its body too
    validated: bool = False  # the measured route holds bodies against a schema
    cache: str = ""  # the measured route keeps answers for so long; "0s" keeps none of the upstream's
    compress: bool = False  # the measured route compresses, whatever the type
    transform: bool = False  # the measured route takes a member out of the JSON of its answers
    action: str = ""  # `aggregate`: of five parts; `grpc`: a method of the pricing example, by plain HTTP
    observed: str = ""  # metrics, statsd, and this share of requests traced, as "1%"
    file: str = ""  # a configuration of the repository instead of a generated one


@dataclass(frozen=True, slots=True)
class Load:
    """What the load generator does."""

    path: str = "/v1/items/42"
    method: str = "GET"
    connections: int = 64
    body: int = 0  # bytes sent with each request
    json: bool = False  # the body is an order as JSON
    tokens: int = 0  # sent in turn, each of another caller
    accept: str = ""  # Accept-Encoding
    answer: int = 0  # bytes of each answer, where CPU per GB is wanted
    warm: int = 1  # seconds of load before the first round
    rate: int = 0  # requests a second of an open model after each round at full speed, for latencies
    share: float = 0.5  # latency: of the gateway's own full speed
    megabytes: int = 0  # stream: to move each way
    megabytes_per_second: int = 0  # stream: the pace of the slow side
    swaps: int = 0  # reload: configurations put in place while under load


@dataclass(frozen=True, slots=True)
class Trial:
    """One series: a subject in a shape under a load."""

    series: str
    subject: str
    shape: Shape
    load: Load
    work: str = "bare"  # or `full`: what a peer was started for


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit on a figure of a series, or on its ratio to (`over`), or difference from (`minus`), another series.

    With both it is the difference that is divided.  It is held against the interval of the median; with `always`,
    against every single round.
    """

    figure: str
    of: str
    over: str = ""
    minus: str = ""
    at_most: float | None = None
    at_least: float | None = None
    aim: float | None = None
    always: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole file."""

    name: str
    title: str
    kind: str
    trials: tuple[Trial, ...]
    bars: tuple[Bar, ...] = ()
    rounds: int | None = None  # instead of the command line's

    def only(self, subjects: Iterable[str], variants: Iterable[str] = ()) -> Scenario:
        """The same scenario with fewer series; `direct` stays, for it costs nothing to have."""
        keep, chosen = {*subjects, "direct"}, set(variants)
        trials = tuple(
            t for t in self.trials
            if t.subject in keep and (not chosen or t.subject != "gateway" or t.series.partition("@")[2] in chosen)
        )  # fmt: skip
        return Scenario(self.name, self.title, self.kind, trials, self.bars, self.rounds)

    @property
    def variants(self) -> list[str]:
        """The names of its variants, in the file's order."""
        return list(dict.fromkeys(t.series.partition("@")[2] for t in self.trials if "@" in t.series))


def load_all(folder: Path = FOLDER) -> dict[str, Scenario]:
    """Every scenario of a folder, by name."""
    return {path.stem: parse(path.stem, path.read_text()) for path in sorted(folder.glob("*.toml"))}


def parse(name: str, text: str) -> Scenario:
    """One scenario file; whatever it does not know is an error."""
    document = tables(name, text)
    known = {"title", "kind", "rounds", "peers", "gateway", "load", "bar", "variants"}
    if unknown := document.keys() - known:
        raise ScenarioError(f"{name}.toml: unknown key {min(unknown)!r}")
    kind = document.get("kind", "load")
    if kind not in KINDS:
        raise ScenarioError(f"{name}.toml: kind {kind!r} is none of {', '.join(KINDS)}")
    trials = _trials(name, document)
    bars = tuple(record(f"{name}.toml: bar", Bar, row) for row in document.get("bar", []))
    _check_bars(name, bars, {t.series for t in trials})
    return Scenario(name, document.get("title", name), kind, trials, bars, document.get("rounds"))


def tables(name: str, text: str) -> dict[str, Any]:
    """What a file says."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{name}.toml: {error}") from None


def _trials(name: str, document: dict[str, Any]) -> tuple[Trial, ...]:
    trials: list[Trial] = []
    for variant, over in (document.get("variants") or {"": {}}).items():
        where = f"{name}.toml: variants.{variant}" if variant else f"{name}.toml"
        if unknown := over.keys() - {"peers", "gateway", "load", "work"}:
            raise ScenarioError(f"{where}: unknown key {min(unknown)!r}")
        shape = record(f"{where}: gateway", Shape, document.get("gateway", {}) | over.get("gateway", {}))
        load = record(f"{where}: load", Load, document.get("load", {}) | over.get("load", {}))
        if (load.rate or document.get("kind") == "latency") and not _can_be_paced(load):
            raise ScenarioError(f"{where}: load: at a fixed rate only GETs of one caller are sent, without a body")
        work = over.get("work", "bare")
        subjects = ["gateway", *_peers(where, over.get("peers", document.get("peers", [])), work)]
        at = f"@{variant}" if variant else ""
        trials += [Trial(subject + at, subject, shape, load, work) for subject in subjects]
    return tuple(trials)


def _can_be_paced(load: Load) -> bool:
    """Whether perf/openloop.py sends the same requests as wrk does."""
    return load.method == "GET" and load.tokens <= 1 and not (load.body or load.json or load.accept)


def _peers(where: str, said: list[str] | str, work: str) -> list[str]:
    """Those that a table names; "all" are those that have a file and can do this work."""
    if work not in peer.WORKS:
        raise ScenarioError(f"{where}: work {work!r} is none of {', '.join(peer.WORKS)}")
    able = [name for name in peer.names() if work in peer.load(name).works]
    if said == "all":
        return able
    for subject in said:
        if subject not in SUBJECTS:
            raise ScenarioError(f"{where}: peer {subject!r} is none of {', '.join(SUBJECTS[1:])}")
        if subject not in (*able, "direct"):
            raise ScenarioError(f"{where}: peer {subject!r} does no {work} work")
    return list(said)


def _check_bars(name: str, bars: tuple[Bar, ...], series: set[str]) -> None:
    for bar in bars:
        if (bar.at_most is None) == (bar.at_least is None):
            raise ScenarioError(f"{name}.toml: bar on {bar.figure}: one of at_most and at_least must be there")
        for other in filter(None, (bar.of, bar.over, bar.minus)):
            if other not in series:
                raise ScenarioError(f"{name}.toml: bar on {bar.figure}: no series {other!r} in {sorted(series)}")


def record(where: str, kind: type[T], row: dict[str, Any]) -> T:
    """The dataclass that a table is; `where` names the table in what is said of its mistakes."""
    known = {each.name: each for each in fields(cast(Any, kind))}
    if unknown := row.keys() - known.keys():
        raise ScenarioError(f"{where}: unknown key {min(unknown)!r}; there are {', '.join(known)}")
    absent = [n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING and n not in row]
    if absent:
        raise ScenarioError(f"{where}: {absent[0]!r} is missing")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
