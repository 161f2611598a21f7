"""Terraform as the tests use it: a command without a network, and a copy of the tree to run it in."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools" / "deliver"
PYTHON = ROOT / "build" / "deliver" / "venv" / "bin" / "python"
HELM = ROOT / "build" / "deliver" / "bin" / "helm"
ROOMS = [
    *(f"modules/{name}" for name in ("cluster", "gateway", "observability", "redis")),
    *(f"environments/{name}" for name in ("dev", "prod")),
]


def command_in(folder: Path) -> Path:
    """Terraform, with a mirror of providers that have a schema and nothing else."""
    subprocess.run([TOOLS / "install.sh"], check=True, timeout=600)
    subprocess.run([PYTHON, TOOLS / "terraform" / "mirror.py", folder], check=True, timeout=30)
    return folder / "terraform"


@contextmanager
def attached() -> Iterator[dict[str, str]]:
    """The environment in which Terraform comes to providers that have been started once for all."""
    schemas = sorted((ROOT / "terraform" / "testing" / "schemas").glob("*.json"))
    start = [PYTHON, "-u", TOOLS / "terraform" / "provider.py"]
    providers = [subprocess.Popen([*start, each, "--dev"], stdout=subprocess.PIPE, text=True) for each in schemas]
    said: dict[str, Any] = {}
    try:
        for each in providers:
            assert each.stdout
            said |= json.loads(
                next(found[1] for line in each.stdout if (found := re.search(r"PROVIDERS='(.*)'", line)))
            )
        yield {"TF_REATTACH_PROVIDERS": json.dumps(said)}
    finally:
        for each in providers:
            each.kill()
            each.communicate()
        for one in said.values():
            shutil.rmtree(Path(one["Addr"]["String"]).parent)


class Tree:
    """A copy of terraform/ with the chart beside it, as it is in the repository."""

    def __init__(self, at: Path, command: Path, env: Mapping[str, str] | None = None) -> None:
        self.at, self.command, self.env = at, command, {**os.environ, **(env or {})}
        if at.exists():
            return
        shutil.copytree(
            ROOT / "terraform", at / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")
        )
        shutil.copytree(ROOT / "k8s" / "charts", at / "k8s" / "charts")

    def plant(self, path: str, old: str, new: str) -> None:
        """One mistake, where `old` stands exactly once."""
        file = self.at / "terraform" / path
        text = file.read_text()
        assert text.count(old) == 1, f"{path} has {text.count(old)} times: {old}"
        file.write_text(text.replace(old, new))

    def run(self, room: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Whatever comes of it."""
        folder = self.at / "terraform" / room
        words = [self.command, *arguments]
        return subprocess.run(words, cwd=folder, env=self.env, capture_output=True, text=True, timeout=120)

    def init(self, room: str) -> subprocess.CompletedProcess[str]:
        """The providers are those of the mirror; no backend is asked."""
        return self.run(room, "init", "-backend=false", "-input=false", "-no-color")

    def refused(self, room: str, *arguments: str) -> str:
        """What is said when a command fails as it should, in one line: Terraform breaks lines where it likes."""
        done = self.init(room)
        if done.returncode == 0:
            done = self.run(room, *arguments, "-no-color")
        assert done.returncode != 0, done.stdout
        return " ".join((done.stdout + done.stderr).replace("│", " ").split())

    def values(self, room: str, address: str) -> str:
        """What the first run of a room's tests gives to a release as values."""
        self.init(room)
        done = self.run(room, "test", "-verbose", "-json")
        states = [json.loads(line) for line in done.stdout.splitlines() if '"test_state"' in line]
        found = [each for each in _resources(states[0]["test_state"]["root_module"]) if each["address"] == address]
        return str(found[0]["values"]["values"][0])


def _resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)
