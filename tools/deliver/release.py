"""A release: its version, its part of the changelog, one commit and a tag; `cut` makes them, `notes` reads them back.

VERSION says which. `cut` refuses changes that are not committed, a version that is not above the last, and a changelog
that says nothing new.
"""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: What tells the version: the file, and the line in it.
PLACES = {
    "pyproject.toml": re.compile(r'^(version = )"([^"]*)"$', re.M),
    "gateway/__init__.py": re.compile(r'^(__version__ = )"([^"]*)"$', re.M),
    "k8s/charts/gateway/Chart.yaml": re.compile(r'^((?:appVersion|version): )"?([^"\n]*)"?$', re.M),
}
CHANGELOG = "CHANGELOG.md"
VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z][0-9A-Za-z.-]*)?")
HEAD = re.compile(r"^## (\S+).*\n", re.M)


class Refused(Exception):
    """Why there is no release, for whoever asked for it."""


def git(*arguments: str) -> str:
    """What git says."""
    return subprocess.run(("git", *arguments), check=True, capture_output=True, text=True).stdout.strip()


def order(version: str) -> tuple[int, ...]:
    """What a version is compared by; one with a suffix comes before the one without."""
    found = VERSION.fullmatch(version)
    if not found:
        raise Refused(f"'{version}' is no version; write VERSION=1.2.3")
    return (*map(int, found.groups()), 0 if "-" in version else 1)


def sections(changelog: str) -> Iterator[tuple[str, str]]:
    """(version or Unreleased, text) of each part of a changelog, the newest first."""
    heads = list(HEAD.finditer(changelog))
    for head, after in zip(heads, [*heads[1:], None], strict=True):
        yield head[1], changelog[head.end() : after.start() if after else None].strip()


def notes(version: str) -> str:
    """What the changelog says of a version."""
    for name, text in sections(Path(CHANGELOG).read_text()):
        if name == version:
            return text
    raise Refused(f"{CHANGELOG} has no part '## {version}'")


def manifests() -> list[str]:
    """Where what is made of the chart is, made anew: the chart's version is written all over it."""
    made = [name for name in ("k8s/base", "k8s/overlays") if Path(name).exists()]
    if made:
        subprocess.run(("make", "--silent", "manifests"), check=True, stdout=subprocess.DEVNULL)
    return made


def cut(version: str, day: str) -> None:
    """Write the version where it is told, date the changelog, commit and tag."""
    current = PLACES["pyproject.toml"].search(Path("pyproject.toml").read_text())
    if current and current[2] in dict(sections(Path(CHANGELOG).read_text())) and order(version) <= order(current[2]):
        raise Refused(f"{version} is not above {current[2]}, which was released")
    order(version)
    if git("status", "--porcelain"):
        raise Refused("there are changes that are not committed")
    if git("tag", "--list", f"v{version}"):
        raise Refused(f"there is a tag v{version} already")
    if not notes("Unreleased"):
        raise Refused(f"{CHANGELOG} says nothing under '## Unreleased'; a release without changes is none")
    changed = [CHANGELOG, *(name for name in PLACES if Path(name).exists())]
    for name in changed[1:]:
        path = Path(name)
        path.write_text(PLACES[name].sub(rf'\g<1>"{version}"', path.read_text()))
    path = Path(CHANGELOG)
    path.write_text(path.read_text().replace("## Unreleased\n", f"## Unreleased\n\n## {version} ({day})\n", 1))
    git("commit", "--quiet", "--only", "-m", f"Release {version}", "--", *changed, *manifests())
    git("tag", "--annotate", "-m", f"Release {version}", f"v{version}")
    print(
        f"v{version} is {git('rev-parse', '--short', 'HEAD')}; git push origin HEAD v{version} publishes it",
        file=sys.stderr,
    )


def main() -> int:
    """The exit status."""
    version = os.environ.get("VERSION", "")
    try:
        if sys.argv[1:] == ["notes"]:
            print(notes(version))
        else:
            cut(version, datetime.datetime.now(datetime.UTC).date().isoformat())
    except Refused as refused:
        print(f"release: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
