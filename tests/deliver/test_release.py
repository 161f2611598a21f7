"""A release is one commit and a tag, and its notes are what the changelog says: in a repository made for each test."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools/deliver/release.py"
pytestmark = pytest.mark.deliver
CHANGELOG = "# Changelog\n\nWords.\n\n## Unreleased\n\n### Added\n\n- A thing.\n\n## 0.1.0 (2026-01-01)\n\n- All.\n"


class Repository:
    def __init__(self, at: Path) -> None:
        self.at = at
        self.write("CHANGELOG.md", CHANGELOG)
        self.write("pyproject.toml", '[project]\nversion = "0.1.0"\ndependencies = ["x>=1"]\n')
        self.write("gateway/__init__.py", '"""All."""\n\n__version__ = "0.1.0"\n')
        self.write("k8s/charts/gateway/Chart.yaml", 'apiVersion: v2\nversion: 0.1.0\nappVersion: "0.1.0"\n')
        self.write("k8s/base/gateway.yaml", "0.1.0\n")
        self.write("Makefile", "manifests:\n\tcp k8s/charts/gateway/Chart.yaml k8s/base/gateway.yaml\n")
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "begin")

    def write(self, name: str, text: str) -> None:
        path = self.at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name: str) -> str:
        return (self.at / name).read_text()

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments).stdout

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        who = {f"GIT_{who}_{what}": "someone" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"} | who | more
        return subprocess.run(command, cwd=self.at, env=env, capture_output=True, text=True, timeout=30)

    def release(self, verb: str, version: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, str(SCRIPT), verb, VERSION=version)


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


def test_a_release_is_one_commit_and_a_tag(repository):
    done = repository.release("cut", "0.2.0")
    assert done.returncode == 0, done.stderr
    assert 'version = "0.2.0"' in repository.read("pyproject.toml")
    assert '__version__ = "0.2.0"' in repository.read("gateway/__init__.py")
    assert repository.read("k8s/charts/gateway/Chart.yaml") == 'apiVersion: v2\nversion: "0.2.0"\nappVersion: "0.2.0"\n'
    assert "k8s/base/gateway.yaml" in repository.git("show", "--name-only", "--format=", "HEAD")
    assert re.search(r"## Unreleased\n\n## 0\.2\.0 \(\d{4}-\d\d-\d\d\)\n\n### Added", repository.read("CHANGELOG.md"))
    assert repository.git("log", "--format=%s").splitlines() == ["Release 0.2.0", "begin"]
    assert repository.git("rev-parse", "v0.2.0^{commit}") == repository.git("rev-parse", "HEAD")
    assert repository.git("status", "--short") == ""


def test_its_notes_are_what_the_changelog_says(repository):
    repository.release("cut", "0.2.0")
    assert repository.release("notes", "0.2.0").stdout == "### Added\n\n- A thing.\n"
    assert repository.release("notes", "0.1.0").stdout == "- All.\n"
    missing = repository.release("notes", "9.0.0")
    assert (missing.returncode, missing.stderr) == (1, "release: CHANGELOG.md has no part '## 9.0.0'\n")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0.1.0", "0.1.0 is not above 0.1.0, which was released"),
        ("0.0.9", "is not above 0.1.0"),
        ("0.1.0-rc.1", "is not above 0.1.0"),
        ("v0.2.0", "'v0.2.0' is no version; write VERSION=1.2.3"),
        ("", "'' is no version"),
        ("0.2.0\n", "is no version"),
    ],
)
def test_a_version_that_is_none_is_refused(repository, version, said):
    done = repository.release("cut", version)
    assert done.returncode == 1
    assert said in done.stderr
    assert repository.git("log", "--format=%s").split() == ["begin"]


def test_nothing_is_released_twice_or_for_nothing(repository):
    repository.release("cut", "0.2.0")
    assert "says nothing under '## Unreleased'" in repository.release("cut", "0.3.0").stderr
    repository.git("tag", "v0.4.0")
    assert "there is a tag v0.4.0 already" in repository.release("cut", "0.4.0").stderr
    repository.write("pyproject.toml", "")
    assert "changes that are not committed" in repository.release("cut", "0.3.0").stderr


def test_the_changelog_has_what_a_release_needs():
    parts = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert parts[0] == "## Unreleased"


def test_the_version_is_told_alike_everywhere():
    import importlib.util

    spec = importlib.util.spec_from_file_location("release", SCRIPT)
    release = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(release)
    told = {
        (name, found[-1])
        for name, pattern in release.PLACES.items()
        for found in pattern.findall((ROOT / name).read_text())
        if not found[0].startswith("version: ")  # a chart has a version of its own too
    }
    assert {name for name, _ in told} == set(release.PLACES)
    assert len({version for _, version in told}) == 1, told
