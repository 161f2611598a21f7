"""The command lines of `gateway export`: alerts and metrics for other tools, from the same definitions."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.options import LazyGroup, config_option

if TYPE_CHECKING:
    from gateway.alerting.options import Alerting


@click.group(cls=LazyGroup)
def export() -> None:
    """Print rules, a dashboard or a configuration for other tools."""


@export.command("prometheus-rules")
@click.option(
    "--kind",
    type=click.Choice(["rules", "PrometheusRule"]),
    default="rules",
    show_default=True,
    help="A rules file, or an object of the operator.",
)
@config_option
def prometheus_rules(kind: str, config: str) -> None:
    """Print the alerts as rules for Prometheus (YAML)."""
    from gateway.alerting.export.prometheus import prometheus_rule, rule_groups

    groups, left_out = rule_groups(_alerting(config))
    _print(_yaml(groups if kind == "rules" else prometheus_rule(groups)), left_out)


@export.command()
@config_option
def grafana(config: str) -> None:
    """Print a dashboard for Grafana (JSON)."""
    from gateway.alerting.export.grafana import dashboard

    found, left_out = dashboard(_alerting(config))
    _print(json.dumps(found, indent=2, ensure_ascii=False) + "\n", left_out)


@export.command()
@click.option(
    "--secrets", metavar="FOLDER", default="/etc/alertmanager/secrets", show_default=True,
    help="Where Alertmanager finds addresses and keys, which are never printed.",
)  # fmt: skip
@config_option
def alertmanager(secrets: str, config: str) -> None:
    """Print the escalation as a configuration of Alertmanager (YAML)."""
    from gateway.alerting.export.alertmanager import config as made

    found, left_out = made(_alerting(config), secrets)
    _print(_yaml(found), left_out)


def _alerting(config: str) -> Alerting:
    from gateway.cli.client import Problem, document_of

    try:
        return document_of(config).alerting
    except Problem as problem:
        click.echo(str(problem), err=True)
        sys.exit(1)


def _yaml(value: Any) -> str:
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000))


def _print(text: str, left_out: list[str]) -> None:
    """To stdout, and what is not in it to stderr."""
    click.echo(text, nl=False)
    for line in left_out:
        click.echo(f"left out: {line}", err=True)
