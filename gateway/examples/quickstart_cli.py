"""`gateway quickstart`: what the container image serves when it is told nothing."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import click


@click.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False), default="conf/quickstart.yaml")
@click.option("--bind", metavar="ADDRESS", help="Listen here instead of on `server.bind`.")
def quickstart(config: str, bind: str | None) -> None:
    """Serve a copy of CONFIG with small services behind it and a signing key made for this run, until SIGTERM."""
    from gateway.auth import keys_cli as cli_keys
    from gateway.examples.__main__ import main

    # NOTE: the root may be read-only, and /tmp with it; TMPDIR says where one can write.
    try:
        folder = tempfile.mkdtemp(prefix="gateway-quickstart-")
    except OSError as error:
        click.echo(f"no folder to write a key to: {error.strerror}; mount memory at /dev/shm or TMPDIR", err=True)
        sys.exit(1)
    try:
        copy = Path(shutil.copy(config, folder))
        cli_keys.new(str(copy.with_suffix(".pem")), "ES256")
        status = main(["--gateway", str(copy), *(["--bind", bind] if bind else [])])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(status)
