"""The `gateway` command. Exit codes: 0 all is well, 1 there is a problem, 2 wrong usage.

Features register their commands (features.py).  A command is imported when it is asked for, and what it needs when it
runs, so that `gateway --version` and a mistyped option answer at once.
"""

from __future__ import annotations

import click

from gateway import __version__
from gateway.cli.options import LazyGroup
from gateway.features import load, members


class FeatureGroup(LazyGroup):
    """The commands of all features."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """click's seam."""
        return sorted(members("commands"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """click's seam."""
        reference = members("commands").get(cmd_name)
        command: click.Command | None = None if reference is None else load(reference)
        return command


@click.group(cls=FeatureGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gateway")
def main() -> None:
    """An API gateway for microservices."""
