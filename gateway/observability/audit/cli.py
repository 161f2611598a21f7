"""The command lines of `gateway audit`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.options import LazyGroup, format_option

if TYPE_CHECKING:
    from gateway.observability.audit.chain import Head


@click.group(cls=LazyGroup)
def audit() -> None:
    """Check audit logs."""


@audit.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--secret-env", metavar="NAME", help="The environment variable that holds `audit.secret`.")
@click.option("--head", "expected", metavar="HASH", help="What the last line's hash was when somebody looked.")
@click.option("--restarts", is_flag=True, help="The chain may begin anew, as on standard output.")
@click.option("--partial", is_flag=True, help="The oldest files need not be there.")
@format_option("text")
def verify(
    files: tuple[str, ...], secret_env: str | None, expected: str | None, restarts: bool, partial: bool, style: str
) -> None:
    """Name every line that was altered, removed, moved or cut off. Give rotated files too, in any order."""
    from gateway.observability.audit.verify import IntegrityError, Verifier

    secret = os.environ.get(secret_env or "", "").encode()
    if secret_env and not secret:
        raise click.UsageError(f"the environment has no {secret_env}")
    verifier = Verifier(secret, restarts=restarts, is_partial=partial)
    ordered = sorted(files, key=_first_seq)
    for name in ordered:
        with open(name, "rb") as file:
            verifier.take(name, file)
    kept = next((head for name in files if (head := _stored_head(name)) is not None), None)
    if kept is not None:
        verifier.ends_at(ordered[-1], kept)
    found = verifier.verdict()
    mistakes = list(found.mistakes)
    if expected is not None and expected != found.head.hash and not _is_within(files, expected):
        mistakes.append(IntegrityError(ordered[-1], 0, f"no line has the hash {expected[:64]}"))
    if style == "json":
        rows = [{"file": each.file, "line": each.line or None, "message": each.words} for each in mistakes]
        last = found.head
        told = {"lines": found.lines, "first": found.first, "last": last.seq, "head": last.hash, "mistakes": rows}
        click.echo(json.dumps(told, indent=1))
    else:
        for each in mistakes:
            click.echo(str(each))
        words = f"{found.lines} lines, seq {found.first} to {found.head.seq}, head {found.head.hash}"
        click.echo(words + ("" if kept else "; no head file is there to say that this is the end"))
    sys.exit(1 if mistakes else 0)


def _first_seq(name: str) -> int:
    """Which file goes first; one that cannot be read so goes where its mistakes are told."""
    from gateway.observability.audit.chain import members

    with open(name, "rb") as file:
        found = members(file.readline(1 << 16).removesuffix(b"\n"))
    return 0 if found is None else int(found["seq"])


def _stored_head(name: str) -> Head | None:
    from gateway.observability.audit.chain import Head
    from gateway.observability.audit.writer import HEAD

    path = Path(name + HEAD)
    return Head.unpacked(path.read_bytes()[:512]) if path.is_file() else None


def _is_within(files: tuple[str, ...], expected: str) -> bool:
    """Whether some line has that hash: what was the head once."""
    seal = f'":"{expected}"}}'.encode()
    for name in files:
        with open(name, "rb") as file:
            if any(line.rstrip(b"\n").endswith(seal) for line in file):
                return True
    return False
