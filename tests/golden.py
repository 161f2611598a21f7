"""What users see, as text: the help of all commands, explanations, endpoints and metrics' names.

`python -m tests.golden` writes tests/data/golden; tests/house/test_golden.py compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from gateway.cli import main
from gateway.features import hooks
from gateway.observability.metrics import families, self_families

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "data" / "golden"
ASKED = (
    ("GET", "/items/7"),
    ("GET", "/items/7/reviews"),
    ("POST", "/hello/ann"),
    ("GET", "/nowhere"),
    ("GET", "/me", "-H", "Authorization: Bearer x"),
)


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command, groups first."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


def run(*words: str) -> str:
    """What `gateway` prints for these words."""
    return CliRunner().invoke(main, [*words], prog_name="gateway", terminal_width=100).output


def help_text() -> str:
    """The help of all commands."""
    return "\n".join(f"== gateway {' '.join(path)}\n{run(*path, '--help')}" for path in commands(main))


def explain_text() -> str:
    """Explanations of requests to the quickstart, and its routes; places are left out."""
    config = str(ROOT / "conf" / "quickstart.yaml")
    parts = [run("routes", "-c", config), *(run("explain", *asked, "-c", config) for asked in ASKED)]
    return re.sub(r"\S*quickstart\.yaml:\d+", "quickstart.yaml", "\n".join(parts))


def endpoints_text() -> str:
    """The paths of the admin API and what they do."""
    found = [each for _, endpoints in hooks("admin") for each in endpoints]
    return "".join(
        f"{method} {each.shown or each.path}: {does}\n" for each in found for method, does in each.does.items()
    )


def metrics_text() -> str:
    """Names and kinds of metrics."""
    modules = (families, self_families)
    found = {each for module in modules for value in vars(module).values() for each in _families(value)}
    return "".join(f"{name} {kind}\n" for name, kind in sorted(found))


def _families(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, families.Family):
        yield value.name, value.kind
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _families(each)


TEXTS = {
    "help.txt": help_text,
    "explain.txt": explain_text,
    "endpoints.txt": endpoints_text,
    "metrics.txt": metrics_text,
}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in TEXTS.items():
        (FOLDER / name).write_text(text())
