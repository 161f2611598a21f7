"""`gateway demo-traffic`: something to look at on the dashboard."""

from __future__ import annotations

import signal
import sys

import click

from gateway.cli.options import duration

DEFAULT_URL = "http://127.0.0.1:8000"
LONGEST = 24 * 3600.0


@click.command("demo-traffic")
@click.argument("url", default=DEFAULT_URL)
@click.option("--for", "length", metavar="TIME", default="5m", show_default=True, help="How long, like 30s or 10m.")
def demo_traffic(url: str, length: str) -> None:
    """Send lively mixed traffic to the quickstart (`make run`) at URL, on this machine alone."""
    from gateway.examples.ending import ended_by
    from gateway.examples.traffic import NotHere, Traffic, place

    seconds = duration(length)
    if seconds > LONGEST:
        raise click.BadParameter("--for takes 24h at most")
    try:
        host, port = place(url)
    except NotHere as error:
        raise click.UsageError(str(error)) from None
    over = ended_by(signal.SIGINT, signal.SIGTERM)
    click.echo(f"Asking {url} for {length}; Ctrl-C ends it.")
    traffic = Traffic(host, port, seconds, over)
    traffic.run()
    told = ", ".join(f"{count} {what}" for what, count in sorted(traffic.counts.items()))
    click.echo(f"{traffic.counts.total()} requests: {told or 'none'}")
    sys.exit(1 if set(traffic.counts) <= {"no answer"} and traffic.counts else 0)
