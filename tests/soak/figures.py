"""Dated figures: what a soak measured, as Markdown under docs/measured/."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "measured"


def keep(name: str, title: str, rows: dict[str, object]) -> None:
    """Write one page, `<date>-<name>.md`; a later run on the same day replaces it."""
    today = datetime.date.today().isoformat()
    machine = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    lines = [f"# {title}, {today}", "", f"Measured by `make soak` on {machine}.", "", "| what | figure |", "|---|---|"]
    lines += [f"| {what} | {figure} |" for what, figure in rows.items()]
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{today}-{name}.md").write_text("\n".join(lines) + "\n")
