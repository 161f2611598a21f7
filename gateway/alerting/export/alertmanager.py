"""`escalation`, `inhibit` and `silences` as a configuration of Alertmanager.

SECURITY: no address, key or password is printed: each is read by Alertmanager from a file of its own, whose name says
which it is (tests/unit/test_cli_export.py).  Alertmanager has no tiers: the first of each severity is exported.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.alerting.options import DAYS, Alerting, Channel, Escalation
from gateway.alerting.silences import MaintenanceWindow, Matchers

NOBODY: Final = "nobody"
_WEEKDAYS: Final = dict(
    zip(DAYS, ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), strict=True)
)


def config(alerting: Alerting, secrets: str) -> tuple[dict[str, Any], list[str]]:
    """(the configuration, what could not be exported and why); `secrets` is the folder of the files with secrets."""
    left_out: list[str] = []
    receivers: list[dict[str, Any]] = [{"name": NOBODY}]
    routes = []
    muted: dict[Matchers, list[str]] = {}
    for number, each in enumerate(alerting.windows, 1):
        muted.setdefault(each.matchers, []).append(f"window-{number}")
    if len(muted) > 1:
        left_out.append(
            "silences: of an alert that several match, Alertmanager heeds those of the first matchers alone"
        )
    for escalation in alerting.escalations:
        receivers.append(_receiver(escalation, secrets, left_out))
        routes += [
            {
                "matchers": [f'severity="{escalation.severity}"', *_matchers(matchers)],
                "receiver": escalation.severity,
                "mute_time_intervals": windows,
            }
            for matchers, windows in muted.items()
        ]
        routes.append({"matchers": [f'severity="{escalation.severity}"'], "receiver": escalation.severity})
    labels = ["alertname", "severity", "route", "upstream"]
    found: dict[str, Any] = {
        "route": {"receiver": NOBODY, "group_by": labels, "group_wait": "10s", "routes": routes},
        "receivers": receivers,
        "inhibit_rules": [
            {"source_matchers": _matchers(each.when), "target_matchers": _matchers(each.mute)}
            for each in alerting.inhibitions
        ],
    }
    if alerting.windows:
        found["time_intervals"] = [_interval(number, each) for number, each in enumerate(alerting.windows, 1)]
    return found, left_out


def _receiver(escalation: Escalation, secrets: str, left_out: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": escalation.severity}
    for number, channel in enumerate(escalation.tiers[0].channels if escalation.tiers else (), 1):
        file = f"{secrets.rstrip('/')}/{escalation.severity}-{number}-{channel.kind}"
        made = _channel(channel, file)
        if made is None:
            left_out.append(f"escalation.{escalation.severity}: {channel.label} is an Alertmanager itself")
        else:
            found.setdefault(f"{channel.kind}_configs", []).append({**made, "send_resolved": True})
    if len(escalation.tiers) > 1:
        left_out.append(f"escalation.{escalation.severity}: Alertmanager has no tiers, the first one is exported")
    return found


def _channel(channel: Channel, file: str) -> dict[str, Any] | None:
    if channel.kind == "webhook":
        return {"url_file": file}
    if channel.kind == "slack":
        return {"api_url_file": file}
    if channel.kind == "pagerduty":
        return {"routing_key_file": file}
    if channel.kind == "alertmanager":
        return None
    url = urlsplit(channel.url)
    port = url.port or (465 if url.scheme == "smtps" else 587)
    login = {"auth_username": channel.user, "auth_password_file": file} if channel.user else {}
    return {
        "to": ", ".join(channel.to),
        "from": channel.sender,
        "smarthost": f"{url.hostname}:{port}",
        "require_tls": channel.tls != "none",
        **login,
    }


def _matchers(matchers: Matchers) -> list[str]:
    found = []
    for name, value in matchers:
        label = "alertname" if name == "name" else name
        if "*" in value:
            pattern = ".*".join(map(re.escape, value.split("*"))).replace("\\", "\\\\")
            found.append(f'{label}=~"{pattern}"')
        else:
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            found.append(f'{label}="{escaped}"')
    return found


def _interval(number: int, each: MaintenanceWindow) -> dict[str, Any]:
    spans = [(0, each.start, each.end)] if each.start < each.end else [(0, each.start, 1440), (1, 0, each.end)]
    intervals = [
        {
            "weekdays": [_WEEKDAYS[DAYS[(day + later) % 7]] for day in each.days],
            "times": [{"start_time": _time(start), "end_time": _time(end)}],
            "location": "UTC",
        }
        for later, start, end in spans
        if start < end
    ]
    return {"name": f"window-{number}", "time_intervals": intervals}


def _time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
