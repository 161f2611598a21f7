"""The command lines of `gateway alerts`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gateway.cli.options import LazyGroup, config_option, format_option

if TYPE_CHECKING:
    from gateway.alerting.notification import Notification
    from gateway.config.model import Document

T = TypeVar("T")


@click.group(cls=LazyGroup)
def alerts() -> None:
    """See what fires, take it in hand, and try whether people are reached."""


@alerts.command("list")
@config_option
@format_option("text")
def list_(config: str, style: str) -> None:
    """Show the state of every alert of the running gateway."""
    from gateway.cli.client import admin_request

    found = _tried(lambda document: admin_request(document, "GET", "/api/alerts"), config)
    click.echo(json.dumps(found, indent=1) if style == "json" else "\n".join(_lines(found["alerts"])))


@alerts.command()
@click.argument("name")
@click.option("--by", metavar="WHO", default="", help="Who has it in hand.")
@click.option("--comment", metavar="TEXT", default="", help="What is being done.")
@config_option
def ack(name: str, by: str, comment: str, config: str) -> None:
    """Take what fires in hand: no further tier is told."""
    from urllib.parse import quote

    from gateway.cli.client import admin_request

    body = {key: value for key, value in (("by", by), ("comment", comment)) if value}
    path = f"/api/alerts/{quote(name, safe='')}/ack"
    found = _tried(lambda document: admin_request(document, "POST", path, body or None), config)
    click.echo("\n".join(_lines(found)))


@alerts.command()
@click.argument("name")
@click.option("--tier", type=click.IntRange(min=1), metavar="N", help="Only this tier; all of them when not given.")
@click.option("--resolve/--no-resolve", default=True, show_default=True, help="Say that it is resolved, too.")
@config_option
def test(name: str, tier: int | None, resolve: bool, config: str) -> None:
    """Send a test of one alert through its channels, from this process; says what was answered."""
    document = _tried(lambda document: document, config)
    notes = _tried(lambda _: _notes(document, name, tier), config)
    failed = False
    for state in ("firing", "resolved") if resolve else ("firing",):
        for note, channels in notes:
            failed |= _sent(note, channels, state)
    sys.exit(1 if failed else 0)


def _sent(note: Notification, channels: Any, state: Any) -> bool:
    """Send to all channels of a tier; whether any failed."""
    from dataclasses import replace

    from gateway.alerting.channels.sending import DeliveryError, send

    failed = False
    for channel in channels:
        try:
            said = send(channel, replace(note, state=state))
        except DeliveryError as unsent:
            failed, said = True, f"FAILED: {unsent}"
        click.echo(f"{state}, tier {note.tier}, {channel.label}: {said}")
    return failed


def _notes(document: Document, name: str, tier: int | None) -> list[Any]:
    """(note, channels) of each tier of an alert. Raises Problem."""
    import socket

    from gateway.alerting.alert import ActiveAlert
    from gateway.alerting.rules.evaluate import Evaluation
    from gateway.alerting.rules.rule import of_name, rules
    from gateway.cli.client import Problem
    from gateway.config.diagnostics import among

    found = of_name(rules(document.alerting), name)
    if not found:
        names = [alert.name for alert in document.alerting.alerts]
        raise Problem(f"there is no alert {name!r} ({among(name, names)})")
    rule, now = found[0], time.time()
    live = ActiveAlert(rule, finding=Evaluation(True), words=rule.text)
    live.course.since = now
    tiers = document.alerting.tiers(rule.severity)
    if not tiers:
        raise Problem(f"nobody is told of {name!r}: there is no escalation {rule.severity!r}")
    if tier is not None and tier > len(tiers):
        raise Problem(f"the escalation {rule.severity!r} has {len(tiers)} tiers, not {tier}")
    return [
        (_as_test(live.note("firing", number, now, socket.gethostname())), each.channels)
        for number, each in enumerate(tiers, 1)
        if tier in (None, number)
    ]


def _as_test(note: Notification) -> Notification:
    """SECURITY: a test has a key of its own, so that it cannot resolve a real incident of the same alert."""
    from dataclasses import replace

    return replace(note, key=f"test/{note.key}", summary=f"This is a test. {note.summary}", is_test=True)


def _tried(action: Callable[[Document], T], config: str) -> T:
    """What an action on the configuration gives; a problem is told in one line and ends the process with status 1."""
    from gateway.cli.client import Problem, document_of

    try:
        return action(document_of(config))
    except Problem as problem:
        click.echo(str(problem), err=True)
        sys.exit(1)


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        line = f"{row['state']:12} {row['severity']:8} {row['key']}"
        if row["state"] in ("firing", "acknowledged", "pending"):
            line += f": {row['summary']}, since {row['since']}"
        if row["acknowledged_by"]:
            line += f", {row['acknowledged_by']} has it in hand"
        if row["muted_by"]:
            line += f", muted by {row['muted_by']}"
        if row["next_escalation"]:
            line += f", next escalation at {row['next_escalation']}"
        lines.append(line)
    return lines or ["there are no alerts"]
