"""Result files: what `run` and `sweep` write, and where they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDER = HERE / "results"
BASELINE = HERE / "baseline.json"
FORMAT = 1


class NoResult(Exception):
    """A file that holds no result of this suite, or none at all; the message says which."""


def read(path: Path) -> dict[str, Any]:
    """The result that a file holds."""
    try:
        result: Any = json.loads(path.read_text())
    except ValueError as error:
        raise NoResult(f"{path}: no JSON: {error}") from None
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise NoResult(f"{path}: not a result of this suite, or of another version of it")
    return result


def newest(folder: Path = FOLDER, otherwise: Path = BASELINE) -> Path:
    """The result that was written last, else the baseline."""
    found = max(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, default=otherwise)
    if not found.exists():
        raise NoResult(f"there is no result in {folder}: python -m perf run")
    return found
