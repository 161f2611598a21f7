"""The two load generators, each run as its own process on the load core: wrk for throughput, openloop for latency."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from perf import tools
from perf.bodies import order
from perf.scenario import Load

ROOT = Path(__file__).parent.parent
SCRIPT = Path(__file__).parent / "wrk.lua"


class LoadFailed(Exception):
    """A load generator that could not do its work."""


def wrk_command(port: int, load: Load, seconds: int, tokens: Path | None = None) -> list[str]:
    """The wrk command of one round: one thread, `load.connections` kept-alive connections, as fast as they go.

    `tokens` is a file with a bearer token in each line, sent in turn.
    """
    return [
        tools.find("wrk") or "wrk",
        "-t1",
        f"-c{load.connections}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
        *(["-H", f"Accept-Encoding: {load.accept}"] if load.accept else []),
        "-s",
        str(SCRIPT),
        f"http://127.0.0.1:{port}{load.path}",
        "--",
        load.method,
        order(load.body) if load.json else str(load.body),
        *([str(tokens)] if tokens else []),
    ]


def summary(output: str) -> dict[str, float]:
    """The numbers that wrk.lua printed: requests, bytes, seconds, p50_ms, p99_ms, failed."""
    found = re.search(r"^SUMMARY (.+)$", output, re.M)
    if not found:
        raise LoadFailed(f"wrk did not finish: {output.strip()[-300:]}")
    numbers: dict[str, float] = json.loads(found.group(1))
    return numbers


def wrk(port: int, load: Load, seconds: int, tokens: Path | None = None) -> dict[str, float]:
    """One round of wrk; an answer of another class than 2xx or 3xx and a socket error count as failed."""
    done = subprocess.run(wrk_command(port, load, seconds, tokens), capture_output=True, text=True)
    numbers = summary(done.stdout + done.stderr)
    if numbers["requests"] <= numbers["failed"]:
        raise LoadFailed(f"no request to port {port} was answered well in {seconds} s, {numbers['failed']:g} failed")
    return numbers


def openloop(port: int, load: Load, rate: float, seconds: float, tokens: Path | None = None) -> dict[str, float]:
    """One round at a fixed rate; see perf.openloop.Outcome for the numbers."""
    command = [sys.executable, "-m", "perf.openloop", "--port", str(port), "--path", load.path]
    command += ["--rate", f"{rate:.3f}", "--seconds", str(seconds), "--connections", str(load.connections)]
    command += ["--tokens", str(tokens)] if tokens else []
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise LoadFailed(f"openloop failed: {done.stderr.strip()[-300:]}")
    numbers: dict[str, float] = json.loads(done.stdout)
    return numbers
