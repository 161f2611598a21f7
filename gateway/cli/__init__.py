"""The command line: `gateway.cli:main`, imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.cli.group import main as main


def __getattr__(name: str) -> object:
    """Import the command group when `main` is read: modules of this package load without it."""
    if name != "main":
        raise AttributeError(name)
    from gateway.cli.group import main

    return main
