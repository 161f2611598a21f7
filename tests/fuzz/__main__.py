"""`python -m tests.fuzz [--seconds N] [--seed S]`: fuzz the connection loop; 1 when something was found.

What was found is written into tests/fuzz/corpus, from where the next run and the test command take it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.fuzz.arena import run


def main() -> int:
    """Run in rounds of a minute, each with a seed of its own, so that any of them can be repeated."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="fuzz the connection loop")
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long (3600)")
    parser.add_argument("--seed", type=int, default=None, help="of the first round (by chance)")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    until = time.monotonic() + options.seconds
    found = 0
    while (left := until - time.monotonic()) > 0 and found < 20:
        score = run(min(left, 60.0), seed, keep=True)
        found += len(score.wrong)
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(score.statuses.items()))
        print(f"seed {seed}: {score.cases:,} connections; {statuses}; {len(score.wrong)} wrong", flush=True)
        for data, wrong in score.wrong:
            print(f"  {wrong}\n  {data!r}", flush=True)
        seed += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
