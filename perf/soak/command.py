"""`python -m perf soak`: run the mix, sample what the workers hold in its lulls, and say what leaks."""

from __future__ import annotations

import argparse
import datetime
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from perf import machine
from perf.soak.crowd import Crowd
from perf.soak.leaking import SEEDS
from perf.soak.setting import Setting
from perf.soak.slopes import ALLOWED, Finding, judge
from perf.soak.visits import MIX, Plan, leak

#: parts of the whole time: nobody judges what happens before; how many samples after it
WARM, SAMPLES = 0.3, 60
#: so few decide something; a short soak on a slow machine goes on for them, up to three times as long
LEAST = 8
#: seconds between two visits of one visitor, at most; how often a seeded leak leaks, whatever the time
PAUSE, LEAKS = 0.05, 300
#: seconds: samples are no closer together, and reloads no further apart
SAMPLE_LEAST, RELOAD_MOST = 0.4, 60.0
#: every so many configurations one is broken
BROKEN = 3
#: how long connections may be under way after the last client has left, seconds
SETTLED_WITHIN = 3.0


@dataclass
class Seen:
    """What came of a soak. A sample is (seconds, {pid of a worker, or name: {figure: value}})."""

    samples: list[tuple[float, dict[str, dict[str, float]]]] = field(default_factory=list)
    wrong: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    reloads: int = 0
    refused: int = 0


def add(commands: Any) -> None:
    """The command of this module."""
    soak = commands.add_parser("soak", help="a compressed mix of what wears a gateway; exit 1 when something leaks")
    soak.add_argument("--minutes", type=float, default=10.0, help="in all, 30 %% of it to warm up (default: 10)")
    soak.add_argument(
        "--seed-leak", choices=sorted(SEEDS), action="append", default=[], help="put a route that leaks behind the mix"
    )
    soak.add_argument("--json", type=Path, metavar="FILE", help="where the result goes, samples and all")
    soak.set_defaults(command=_soak)


def _soak(given: argparse.Namespace) -> int:
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    found = machine.describe()
    with Setting(given.seed_leak) as setting:
        seen = run(setting, given.minutes * 60)
    findings, mistakes = verdict(seen)
    print(text(seen, findings, mistakes), flush=True)
    if given.json:
        result = {"when": when, "machine": found, "minutes": given.minutes, "seed_leak": given.seed_leak}
        result |= {"passed": not mistakes, "mistakes": mistakes, "findings": [asdict(each) for each in findings]}
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(result | asdict(seen), indent=1) + "\n")
        print(f"written to {given.json}")
    return int(bool(mistakes))


def run(setting: Setting, seconds: float) -> Seen:
    """The mix for so long."""
    seen = Seen()
    crowd = Crowd(setting.port, [*((visit, PAUSE) for visit in MIX), *((leak, seconds / LEAKS) for _ in setting.seeds)])
    began = time.monotonic()
    warm, step = seconds * WARM, max(SAMPLE_LEAST, seconds * (1 - WARM) / SAMPLES)
    sample_at = warm
    with crowd.coming(), _reloading(setting, crowd, seen, min(RELOAD_MOST, seconds / 5)):
        while (now := time.monotonic() - began) < seconds or (len(seen.samples) < LEAST and now < 3 * seconds):
            if now >= sample_at:
                sample_at = max(sample_at + step, now + SAMPLE_LEAST)
                with crowd.lull():
                    seen.samples.append((time.monotonic() - began, holdings(setting)))
            time.sleep(0.02)
    seen.requests, seen.wrong = crowd.asked, dict(crowd.wrong)
    return seen


def holdings(setting: Setting) -> dict[str, dict[str, float]]:
    """What each worker holds, and the processes beside them, once the connections of the last clients are closed."""
    until = time.monotonic() + SETTLED_WITHIN
    while any(row["connections"] for row in setting.ask("/api/workers")[1]) and time.monotonic() < until:
        time.sleep(0.03)
    rows = setting.ask("/api/workers?deep=true")[1]
    workers = {
        str(row["pid"]): {
            "rss": row["holds"]["private_memory"],
            "fds": row["holds"]["descriptors"],
            **{name: row["holds"][name] for name in ("greenlets", "objects", "blocks")},
        }
        for row in rows
        if "holds" in row
    }
    return workers | setting.beside({row["pid"] for row in rows})


@contextmanager
def _reloading(setting: Setting, crowd: Crowd, seen: Seen, every: float) -> Iterator[None]:
    """Another configuration each so many seconds, while the block lasts; one takes some seconds on a busy machine."""
    over = threading.Event()

    def live() -> None:
        while not over.wait(every):
            try:
                _reload(setting, crowd, seen)
            except (OSError, ValueError) as error:  # the admin listener does not answer
                crowd.wrong[f"reload: {type(error).__name__}: {error}"] += 1

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _reload(setting: Setting, crowd: Crowd, seen: Seen) -> None:
    """Another configuration, with another secret; now and then one that is refused."""
    if (seen.reloads + seen.refused) % BROKEN == BROKEN - 1:
        setting.write("version: 1\nroutes: 5\n")
        status = setting.ask("/api/reload", "POST")[0]
        seen.refused += 1
        crowd.wrong["reload: a broken file was taken"] += status != 422
        setting.write()
        return
    setting.number += 1
    crowd.plan = Plan(setting.number, is_changing=True)
    setting.write()
    status = setting.ask("/api/reload", "POST")[0]
    seen.reloads += 1
    crowd.wrong["reload: refused"] += status != 200
    crowd.plan = Plan(setting.number)


def verdict(seen: Seen) -> tuple[list[Finding], list[str]]:
    """(how every figure of every process went, what is wrong); a helper that comes and goes is not judged."""
    series: dict[str, list[tuple[float, dict[str, float]]]] = defaultdict(list)
    for at, workers in seen.samples:
        for pid, held in workers.items():
            series[pid].append((at, held))
    mistakes = []
    whole = {who: rows for who, rows in series.items() if len(rows) == len(seen.samples)}
    workers, stayed = ([who for who in some if who.isdigit()] for some in (series, whole))
    names = {pid: f"worker {number}" for number, pid in enumerate(stayed, 1)}
    findings = [each for who, rows in whole.items() if len(rows) > 1 for each in _judged(names.get(who, who), rows)]
    if len(seen.samples) < LEAST:
        mistakes.append(f"{len(seen.samples)} samples decide nothing")
    if len(stayed) < len(workers) or not stayed:
        mistakes.append(f"workers came or went: {len(workers)} were seen, {len(stayed)} of them all the time")
    mistakes += [f"{each.worker} leaks {each.figure}: {line(each)}" for each in findings if each.leaks]
    mistakes += [f"{count} times {words}" for words, count in sorted(seen.wrong.items()) if count]
    return findings, mistakes


def _judged(who: str, rows: list[tuple[float, dict[str, float]]]) -> list[Finding]:
    times = [at for at, _ in rows]
    return [judge(who, name, times, [held[name] for _, held in rows]) for name in ALLOWED if name in rows[0][1]]


def line(found: Finding) -> str:
    """A finding in words."""
    scale, unit = (1 << 20, " MB") if found.figure == "rss" else (1, "")
    first, last, growth, allowed, hour = (
        value / scale for value in (found.first, found.last, found.growth, found.allowed, found.per_hour)
    )
    return f"{first:,.1f} to {last:,.1f}{unit}, grew {growth:+,.1f} of {allowed:,.1f} allowed, {hour:+,.0f} an hour"


def text(seen: Seen, findings: list[Finding], mistakes: list[str]) -> str:
    """All of it for a terminal."""
    reloads = f"{seen.reloads} reloads and {seen.refused} that were refused"
    lines = [f"{seen.requests:,} requests, {reloads}, {len(seen.samples)} samples in lulls"]
    lines += [f"  {each.worker} {each.figure:9s} {line(each)}{'  LEAKS' if each.leaks else ''}" for each in findings]
    return "\n".join([*lines, *(f"FAILED: {each}" for each in mistakes), *([] if mistakes else ["PASSED"])])
