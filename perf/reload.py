"""Configurations swapped in under load: how many requests fail because of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

from perf.arena import Running, get
from perf.load import LoadFailed, summary, wrk_command
from perf.procs import NotServing, ask
from perf.scenario import Trial

PROBE = "/perf-swap/"
PATIENCE = 10.0


def swap_under_load(running: Running, trial: Trial) -> dict[str, float]:
    """Put `swaps` configurations in place while wrk runs; each has to be served before the next one comes."""
    assert running.config is not None
    config = json.loads(running.config.read_text())
    wrk = subprocess.Popen(wrk_command(running.port, trial.load, 600), stdout=subprocess.PIPE, text=True)
    took = []
    try:
        for number in range(trial.load.swaps):
            took.append(_swap(running, config, number))
            if wrk.poll() is not None:
                raise LoadFailed("wrk ended before the last swap")
    finally:
        wrk.send_signal(signal.SIGINT)  # it stops and prints what it saw
        output, _ = wrk.communicate(timeout=30)
    seen = summary(output)
    rps = seen["requests"] / seen["seconds"]
    return {"swaps": len(took), "failed": seen["failed"], "rps": rps, "slowest_swap_s": max(took)}


def _swap(running: Running, config: dict[str, object], number: int) -> float:
    """Write the next configuration, ask for a reload and wait until it answers; returns the seconds that took."""
    assert running.config is not None
    probe = {"name": "swap", "match": {"path": f"{PROBE}{number}"}, "respond": {"status": 200}}
    routes = config["routes"]
    assert isinstance(routes, list)
    new = running.config.with_suffix(".new")
    new.write_text(json.dumps(config | {"routes": [*routes, probe]}))
    new.replace(running.config)
    start = time.perf_counter()
    os.kill(running.server.sid, signal.SIGHUP)
    while time.perf_counter() < start + PATIENCE:
        if ask(running.port, get(f"{PROBE}{number}"))[9:12] == "200":
            return time.perf_counter() - start
        time.sleep(0.005)
    raise NotServing(f"swap {number} was not served within {PATIENCE:g} s")
