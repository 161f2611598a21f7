"""`python -m perf COMMAND`: what measures, compares and shows; see docs/perf.md."""

from __future__ import annotations

import argparse
import json
import sys

from gateway.tuning.processes import interrupted_once
from perf import instructions, peerlist, runs, sweep, versus
from perf.micro.run import main as run_micro
from perf.page import command as page
from perf.peer import PeerError
from perf.profiling import command as profile
from perf.results import NoResult
from perf.scenario import ScenarioError
from perf.simulation import command as simulation
from perf.soak import command as soak


def main(arguments: list[str] | None = None) -> int:
    """The command line; the exit status."""
    given = _parser().parse_args(arguments)
    try:
        with interrupted_once():  # so that everything is ended on the way out
            return int(given.command(given))
    except KeyboardInterrupt:
        print("perf: stopped; everything it started was ended", file=sys.stderr)
        return 130
    except (
        *instructions.FAILURES,
        *simulation.FAILURES,
        ScenarioError,
        PeerError,
        NoResult,
        versus.NoTree,
        OSError,
        json.JSONDecodeError,
    ) as error:
        print(f"perf: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m perf", description="What a request costs, beside others.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    runs.add(commands)
    sweep.add(commands)
    peerlist.add(commands)
    versus.add(commands)
    page.add(commands)
    soak.add(commands)
    profile.add(commands)
    instructions.add(commands)
    simulation.add(commands)
    micro = commands.add_parser("micro", help="micro-benchmarks of the fast modules")
    micro.add_argument("modules", nargs="*", help="as route; all by default")
    micro.set_defaults(command=lambda given: run_micro(given.modules))
    return parser


if __name__ == "__main__":
    sys.exit(main())
