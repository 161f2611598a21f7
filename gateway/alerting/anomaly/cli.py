"""`gateway anomaly evaluate`: the detector of anomaly alerts over a recorded series."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO

import click

from gateway.cli.options import LazyGroup, format_option

#: complaints that are shown of a file; the rest is counted
_SHOWN = 20


@dataclass(slots=True)
class _Row:
    timestamp: str
    at: float
    value: float
    label: bool


@dataclass(slots=True)
class _Report:
    rows: int = 0
    #: the first of each run of labelled rows -> the first alert in it
    spans: list[tuple[_Row, _Row | None]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    labelled: bool = False
    right: int = 0


class _Malformed(Exception):
    """Rows that cannot be read: (line, what is wrong)."""

    def __init__(self, complaints: list[tuple[int, str]]) -> None:
        super().__init__()
        self.complaints = complaints


@click.group(cls=LazyGroup)
def anomaly() -> None:
    """What the detector of anomaly alerts would have said."""


@anomaly.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--sensitivity",
    type=click.FloatRange(0.5, 10),
    default=3.0,
    show_default=True,
    help="How rare an alert is, in standard deviations of a bell curve; lower alerts more.",
)
@click.option(
    "--warmup",
    type=click.IntRange(min=0),
    default=150,
    show_default=True,
    metavar="ROWS",
    help="So many first rows raise no alert.",
)
@click.option(
    "--from-column", "column", metavar="NAME", default="value", show_default=True, help="The column with the values."
)
@format_option("text")
def evaluate(file: str, sensitivity: float, warmup: int, column: str, style: str) -> None:  # fmt: skip
    """Run over FILE, a CSV with the columns timestamp, value and perhaps label (1 in an anomaly).

    Timestamps are as 2014-04-01 00:00:00 or in ISO 8601, UTC unless they say otherwise. An alert is where an incident
    begins. Where there are labels: precision, recall, and the mean delay of the first alert in what is labelled.
    """
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            report = _run(_rows(stream, column), sensitivity, warmup)
    except _Malformed as error:
        for line, wrong in error.complaints[:_SHOWN]:
            click.echo(f"{file}:{line}: {wrong}", err=True)
        if len(error.complaints) > _SHOWN:
            click.echo(f"and {len(error.complaints) - _SHOWN} more", err=True)
        sys.exit(2)
    click.echo(json.dumps(_as_json(report)) if style == "json" else _as_text(report))


def _rows(stream: TextIO, column: str) -> Iterator[_Row]:
    """The rows of a file; all that are malformed are complained of at its end."""
    reader = csv.DictReader(stream)
    complaints: list[tuple[int, str]] = []
    try:
        missing = [name for name in ("timestamp", column) if name not in (reader.fieldnames or ())]
        if missing:
            raise _Malformed([(1, f"no column {name!r} in the header") for name in missing])
        for fields in reader:
            try:
                yield _row(fields, column)
            except ValueError as error:
                complaints.append((reader.line_num, str(error)))
    except (csv.Error, UnicodeDecodeError) as error:
        complaints.append((reader.line_num + 1, str(error)))
    if complaints:
        raise _Malformed(complaints)


def _row(fields: dict[str, str | None], column: str) -> _Row:
    timestamp, text = fields["timestamp"] or "", fields[column] or ""
    try:
        moment = datetime.fromisoformat(timestamp.strip())
    except ValueError:
        raise ValueError(f"timestamp {timestamp!r} is not as 2014-04-01 00:00:00 or ISO 8601") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column} {text!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{column} {text!r} is not a finite number")
    label = (fields.get("label") or "0").strip()
    if label not in {"0", "1", "0.0", "1.0"}:
        raise ValueError(f"label {label!r} is not 0 or 1")
    return _Row(timestamp, moment.timestamp(), value, label.startswith("1"))


def _run(rows: Iterator[_Row], sensitivity: float, warmup: int) -> _Report:
    from gateway.alerting.anomaly.detector import Detector

    detector = Detector(sensitivity=sensitivity, warmup=warmup)
    report = _Report()
    inside = False
    for row in rows:
        report.rows += 1
        verdict = detector.observe(row.at, row.value)
        if row.label and not inside:
            report.spans.append((row, None))
        inside = row.label
        if not verdict.began:
            continue
        report.right += inside
        if inside and report.spans[-1][1] is None:
            report.spans[-1] = (report.spans[-1][0], row)
        low, high = (float(f"{bound:.4g}") for bound in verdict.expected)
        report.alerts.append({
            "timestamp": row.timestamp, "value": row.value, "expected": [low, high], "score": round(verdict.score, 3),
            "words": verdict.words,
        })  # fmt: skip
    report.labelled = bool(report.spans)
    return report


def _as_json(report: _Report) -> dict[str, Any]:
    found = {"alerts": report.alerts, "rows": report.rows}
    if report.labelled:
        found |= _marks(report)
    return found


def _marks(report: _Report) -> dict[str, Any]:
    delays = [alert.at - start.at for start, alert in report.spans if alert is not None]
    return {
        "precision": report.right / len(report.alerts) if report.alerts else None,
        "recall": len(delays) / len(report.spans),
        "delay": sum(delays) / len(delays) if delays else None,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _as_text(report: _Report) -> str:
    lines = [f"{one['timestamp']}  {one['words']}  (score {one['score']:.1f})" for one in report.alerts]
    lines.append(f"{_count(len(report.alerts), 'alert')} in {_count(report.rows, 'row')}")
    if report.labelled:
        marks = _marks(report)
        precision = "none" if marks["precision"] is None else f"{marks['precision']:.0%}"
        delay = "" if marks["delay"] is None else f", {marks['delay']:.0f} s after its begin on average"
        lines.append(f"precision {precision}, recall {marks['recall']:.0%}{delay}")
    return "\n".join(lines)
