"""The overview as text for a terminal of some size."""

from __future__ import annotations

import math
import time
from typing import Any, Final

#: rows of each table that are shown where there is room for all of them
MOST: Final = 15
LEAST: Final = 3
#: lines above the rows of a table
ABOVE: Final = 2
NOTHING: Final = "-"
#: of an alert, the worst first
STATES: Final = ("firing", "acknowledged", "pending", "resolved")

Rows = list[tuple[str, ...]]


def view(found: dict[str, Any], size: tuple[int, int]) -> str:
    """The lines of an overview, cut to (columns, lines)."""
    columns, lines = size
    head = _head(found)
    tables = [_routes(found), _upstreams(found), _workers(found), _failures(found)]
    alerts, clients = _alerts(found), _clients(found)
    tables[:0] = [alerts] if len(alerts[1]) > 1 else []
    tables += [clients] if (ABOVE + LEAST) * (len(tables) + 1) <= lines - len(head) else []
    least = LEAST if (ABOVE + LEAST) * len(tables) <= lines - len(head) else LEAST - 1
    # What the head and the titles leave is shared out; tables that need less leave more to the others.
    left = max(0, lines - len(head) - 3 * len(tables))
    room: dict[str, int] = {}
    for index, (title, rows) in enumerate(sorted(tables, key=lambda table: len(table[1]))):
        room[title] = min(len(rows), MOST + 1, max(least, left // (len(tables) - index)))
        left -= room[title]
    for title, rows in tables:
        head += ["", title, *_aligned(rows[: room[title]])]
    return "\n".join(line[:columns].rstrip() for line in head)


def _head(found: dict[str, Any]) -> list[str]:
    now, total, gateway = found["now"], found["total"], found["gateway"]
    classes = "  ".join(f"{name} {count}" for name, count in sorted(total["classes"].items())) or "none"
    mistakes = f", {gateway['config_mistakes']} mistakes in the files" if gateway["config_mistakes"] else ""
    at = time.strftime("%H:%M:%S", time.localtime(found["at"]))
    return [
        f"gateway {gateway['version']}  {at}  of the last {found['range']}  plan {gateway['plan'][:8]}{mistakes}",
        (
            f"now    {now['requests_per_second']:.1f}/s  errors {share(now['error_rate'])}  p50 {ms(now['p50_ms'])}  "
            f"p95 {ms(now['p95_ms'])}  p99 {ms(now['p99_ms'])}  in flight {total['in_flight']}"
        ),
        (
            f"range  {total['requests']} requests ({classes})  errors {share(total['error_rate'])}  "
            f"p99 {ms(total['p99_ms'])}  cache hits {share(total['cache_hit_rate'])}  limited {total['limited']}"
        ),
    ]


def _alerts(found: dict[str, Any]) -> tuple[str, Rows]:
    """Those that fire, are pending or are over."""
    rows: Rows = [("alert", "state", "severity", "since", "in hand", "what")]
    odd = [row for row in found["alerts"] if row["state"] != "inactive"]
    for row in sorted(odd, key=lambda row: STATES.index(row["state"]) if row["state"] in STATES else len(STATES)):
        muted = " (muted)" if row["muted_by"] else ""
        who = row["acknowledged_by"] or NOTHING
        since, what = row["since"] or NOTHING, row["summary"] or row["expression"]
        rows.append((row["key"], row["state"] + muted, row["severity"] or NOTHING, since, who, what))
    return "ALERTS", rows


def _routes(found: dict[str, Any]) -> tuple[str, Rows]:
    rows: Rows = [("name", "req/s", "errors", "p50", "p95", "p99", "4xx", "5xx", "in flight")]
    for row in found["routes"]:
        classes = row["classes"]
        quantiles = (ms(row[f"{name}_ms"]) for name in ("p50", "p95", "p99"))
        counts = (str(classes.get("4xx", 0)), str(classes.get("5xx", 0)), str(row["in_flight"]))
        name = row["name"] or "(no route)"
        rows.append((name, f"{row['requests_per_second']:.1f}", share(row["error_rate"]), *quantiles, *counts))
    return "ROUTES", rows


def _upstreams(found: dict[str, Any]) -> tuple[str, Rows]:
    rows: Rows = [("target", "state", "tries/s", "errors", "p50", "p99", "in flight")]
    for upstream in found["upstreams"]:
        circuit = upstream["circuit"]
        broken = f" (circuit {circuit['state']})" if circuit and circuit["state"] != "closed" else ""
        for target in upstream["targets"]:
            figures = (f"{target['tries_per_second']:.1f}", share(target["error_rate"]), ms(target["p50_ms"]))
            name = f"{upstream['name']} {target['address']}"
            state = target["state"] + broken
            rows.append((name, state, *figures, ms(target["p99_ms"]), str(target["in_flight"])))
    return "UPSTREAMS", rows


def _workers(found: dict[str, Any]) -> tuple[str, Rows]:
    rows: Rows = [("pid", "state", "connections", "requests", "memory", "CPU s", "loop lag", "generation")]
    for row in found["workers"]:
        memory = f"{row['memory'] / 2**20:.0f} MB"
        vitals = (f"{row['cpu_seconds']:.1f}", ms(row["loop_lag_ms"])) if "cpu_seconds" in row else (NOTHING, NOTHING)
        counts = (str(row["connections"]), str(row["requests"]))
        rows.append((str(row["pid"]), row["state"], *counts, memory, *vitals, str(row["generation"])))
    return "WORKERS", rows


def _failures(found: dict[str, Any]) -> tuple[str, Rows]:
    rows: Rows = [("time", "status", "request", "error", "request id")]
    for row in found["failures"]:
        at = time.strftime("%H:%M:%S", time.localtime(row["at"]))
        what = f"{row['method']} {row['route'] or '(no route)'}"
        rows.append((at, str(row["status"]), what, row["error"] or "of the upstream", row["request_id"]))
    return "LAST FAILURES", rows


def _clients(found: dict[str, Any]) -> tuple[str, Rows]:
    rows: Rows = [("address", "requests, of a sample")]
    rows += [(row["address"], str(row["requests"])) for row in found["clients"]]
    return "CLIENTS", rows


def _aligned(rows: Rows) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(map(_plain, row), widths, strict=True)) for row in rows]


def _plain(cell: str) -> str:
    """SECURITY: nothing that a client or an upstream named moves the terminal's cursor (test_cli_top.py)."""
    return "".join(character if character.isprintable() else "?" for character in cell)


def share(value: float | None) -> str:
    """A share of 0 to 1 in per cent."""
    return NOTHING if value is None else f"{value:.2%}"


def ms(value: float | None) -> str:
    """Milliseconds in the unit that fits."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value < 1:
        return f"{value * 1000:.0f} us"
    return f"{value:.1f} ms" if value < 1000 else f"{value / 1000:.2f} s"
