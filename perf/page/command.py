"""`python -m perf report`: one page for one or more results, and a short table in the terminal."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from perf import report
from perf.page.html import page
from perf.results import newest, read

PAGE = Path(__file__).parents[2] / "build" / "perf" / "report.html"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The subcommand."""
    parser = commands.add_parser("report", help="one HTML page with plots of a result, or of several")
    parser.add_argument("results", nargs="*", type=Path, metavar="RESULT.json", help="default: the newest, or baseline")
    parser.add_argument("-o", type=Path, dest="page", metavar="FILE.html", default=PAGE, help=f"default: {_near(PAGE)}")
    parser.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    """Write the page and the raw JSON beside it."""
    paths: list[Path] = given.results or [newest()]
    results = [read(path) for path in paths]
    given.page.parent.mkdir(parents=True, exist_ok=True)
    beside = [_beside(path, given.page, number) for number, path in enumerate(paths, 1)]
    given.page.write_text(page([(raw.name, one) for raw, one in zip(beside, results, strict=True)]))
    for path, result in zip(paths, results, strict=True):
        print(report.short(f"{_near(path)}, {result['when']}, commit {result['machine'].get('commit')}", result))
    print(f"written to {_near(given.page)}, the raw figures beside it in {', '.join(raw.name for raw in beside)}")
    return 0


def _beside(path: Path, target: Path, number: int) -> Path:
    """A result in the folder of the page: itself when it is there, else a copy."""
    if path.resolve().parent == target.resolve().parent:
        return path
    copy = target.with_name(f"{target.stem}{'' if number == 1 else f'-{number}'}.json")
    shutil.copyfile(path, copy)
    return copy


def _near(path: Path) -> Path:
    """A path as seen from here, when it is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
