"""The open-model generator of the package (gateway/tuning/load_generator.py) as a process: `python -m perf.openloop`.

Requests leave at a fixed rate, whether or not the ones before have been answered, and each latency is counted from the
moment the request was due.  So a stall of the server, or of this process, shows in every request that had to wait
because of it.  (A closed loop, as wrk's, stops asking while it waits and hides them.)
Run with `--port N --rate R` it prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.tuning import load_generator as generator
from gateway.tuning.load import set_timer_slack
from perf.stats import percentile

SHARES = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}


@dataclass(slots=True)
class Outcome:
    """What one run saw; times in milliseconds, `late_*` is how long after its due time a request was really sent."""

    rate: float
    sent: int
    answered: int
    failed: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    late_p99_ms: float


class Generator(generator.Generator):
    """GETs of one path; only 2xx is an answer."""

    def __init__(self, address: tuple[str, int], path: str, connections: int, token: str = ""):
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        super().__init__(address, f"GET {path} HTTP/1.1\r\nHost: perf\r\n{bearer}\r\n".encode(), connections)

    def run(self, rate: float, seconds: float, patience: float = 10.0) -> Outcome:
        """Send rate * seconds requests, each at its time, and wait at most `patience` seconds for the last answers."""
        sent = self.run_open(rate, seconds, patience)
        if not self.latencies:
            raise SystemExit(f"openloop: none of {sent} requests to port {self.address[1]} was answered")
        took, late = sorted(self.latencies), sorted(self.lateness)
        at = {name: round(percentile(took, share) * 1e3, 4) for name, share in SHARES.items()}
        late_p99_ms = round(percentile(late, 0.99) * 1e3, 4)
        return Outcome(rate, sent, len(took), self.failed, **at, late_p99_ms=late_p99_ms)


def main() -> None:
    """Run once and print the outcome."""
    options = argparse.ArgumentParser(prog="perf.openloop", description="Load at a fixed rate.")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--path", default="/v1/items/42")
    options.add_argument("--rate", type=float, required=True, help="requests per second")
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--connections", type=int, default=64)
    options.add_argument("--tokens", type=Path, help="a file whose first line is the bearer token")
    given = options.parse_args()
    set_timer_slack()
    try:
        token = given.tokens.read_text().partition("\n")[0] if given.tokens else ""
        asking = Generator(("127.0.0.1", given.port), given.path, given.connections, token)
        print(json.dumps(asdict(asking.run(given.rate, given.seconds))))
    except OSError as error:
        raise SystemExit(f"openloop: port {given.port}: {error}") from None


if __name__ == "__main__":
    main()
