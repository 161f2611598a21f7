"""A load generator as a process of its own: Orders on stdin, a line each, and for each an Answered on stdout."""

from __future__ import annotations

import ctypes
import gc
import sys
import time

from gateway.tuning.load_generator import Generator
from gateway.tuning.order import LoadJob, LoadResult
from gateway.tuning.processes import end_with_parent
from gateway.tuning.statistics import percentile

PR_SET_TIMERSLACK = 29
#: a redirect and an answer from a cache are answers too
ACCEPTED = "23"


def set_timer_slack() -> None:
    """Have this process's timers end when they are due, and no pause be made for garbage.

    NOTE: the kernel may wake a timer 50 us late to save power; that would be counted as the server's latency.
    """
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    gc.disable()


def run(order: LoadJob) -> LoadResult:
    """Do what the order says."""
    generator = Generator(("127.0.0.1", order.port), order.request.encode("latin-1"), order.connections, ACCEPTED)
    cpu, start = time.process_time(), time.perf_counter()
    try:
        if order.rate:
            generator.run_open(order.rate, order.seconds)
        else:
            generator.run_closed(order.seconds, fresh=order.fresh)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    finally:
        generator.close()
    late = percentile(sorted(generator.lateness), 0.99) if generator.lateness else 0.0
    refused = tuple(sorted(generator.refused.items()))
    return LoadResult(tuple(sorted(generator.latencies)), generator.failed, seconds, cpu, late, refused)


def main() -> int:
    """Do one order after another until there are no more; 1 when nobody listens."""
    end_with_parent()
    set_timer_slack()
    try:
        for line in sys.stdin:
            print(run(LoadJob.from_json(line)).to_json(), flush=True)
    except OSError as error:
        print(f"the load generator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
