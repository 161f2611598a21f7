"""The files of the project, as git sees them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def files(*suffixes: str, under: str = "") -> list[Path]:
    """Every file that is tracked, or new and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", under or "."]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [ROOT / name for name in names if name and (not suffixes or name.endswith(suffixes))]
    return sorted(path for path in paths if path.is_file())


def shown(path: Path, line: int = 0) -> str:
    """A path as it is clicked on in a terminal."""
    return f"{path.relative_to(ROOT)}" + (f":{line}" if line else "")
