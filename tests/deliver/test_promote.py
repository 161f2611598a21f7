"""A promotion is a commit of one value, and its revert the rollback: in a repository made for each test."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.deliver


class Repository:
    """A repository with the environments and the menu of this one, and one to push to."""

    def __init__(self, at: Path) -> None:
        self.at = at / "tree"
        shutil.copytree(ROOT / "k8s/environments", self.at / "k8s/environments")
        (self.at / "tools/deliver").mkdir(parents=True)
        shutil.copy(ROOT / "tools/deliver/promote.sh", self.at / "tools/deliver")
        shutil.copy(ROOT / "Makefile", self.at)
        for env in ("dev", "staging", "prod"):
            self.file(env).write_text('# kept\nimage:\n  tag: "0.1.0"\n')
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("init", "--quiet", "--bare", str(at / "far"))
        self.git("remote", "add", "origin", str(at / "far"))
        self.commit("begin")

    def file(self, env: str, name: str = "version.yaml") -> Path:
        return self.at / "k8s/environments" / env / name

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments).stdout

    def make(self, *arguments: str, refused: bool = False) -> str:
        done = self.run("make", "--silent", *arguments, check=False)
        assert (done.returncode != 0) is refused, done.stderr
        return done.stderr

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        who = {f"GIT_{who}_{what}": "someone" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        plain = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        env = {"PATH": os.environ["PATH"], **who, **plain}
        return subprocess.run(command, cwd=self.at, env=env, capture_output=True, text=True, check=check, timeout=30)


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


def test_a_promotion_is_a_commit_that_changes_one_line(repository):
    repository.make("promote", "ENV=dev", "VERSION=0.2.0")
    assert repository.file("dev").read_text() == '# kept\nimage:\n  tag: "0.2.0"\n'
    assert repository.git("log", "-1", "--format=%s").strip() == "Promote dev to 0.2.0"
    changed = repository.git("show", "--numstat", "--format=", "HEAD").split()
    assert changed == ["1", "1", "k8s/environments/dev/version.yaml"]


def test_a_rollback_is_its_revert_and_not_the_way_forth_again(repository):
    before = repository.git("rev-parse", "HEAD:k8s").strip()
    repository.make("promote", "ENV=dev", "VERSION=0.2.0")
    repository.make("rollback", "ENV=dev")
    assert repository.git("rev-parse", "HEAD:k8s").strip() == before
    assert repository.git("log", "--format=%s").splitlines() == [
        "Roll back dev to 0.1.0",
        "Promote dev to 0.2.0",
        "begin",
    ]
    said = repository.make("rollback", "ENV=dev", refused=True)
    assert "dev was rolled back already and runs 0.1.0" in said


def test_only_what_was_promoted_is_committed(repository):
    (repository.at / "other").write_text("mine")
    repository.git("add", "other")
    repository.make("promote", "ENV=dev", "VERSION=0.2.0")
    assert repository.git("status", "--short").split() == ["A", "other"]


def test_a_version_goes_through_the_environments_in_order(repository):
    said = repository.make("promote", "ENV=prod", "VERSION=0.2.0", refused=True)
    assert "staging runs 0.1.0, not 0.2.0; promote it there first" in said
    for env in ("dev", "staging", "prod"):
        repository.make("promote", f"ENV={env}", "VERSION=0.2.0")
    repository.make("promote", "ENV=prod", "VERSION=0.3.0", "FORCE=1")
    assert len(repository.git("log", "--format=%h").split()) == 5


def test_it_is_pushed_where_that_is_asked_for(repository):
    repository.make("promote", "ENV=dev", "VERSION=0.2.0", "PUSH=1")
    assert repository.git("ls-remote", "origin", "main").split()[0] == repository.git("rev-parse", "HEAD").strip()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["VERSION=0.2.0", "ENV=production"], "no environment 'production'; there are: dev prod staging"),
        (["VERSION=0.2.0", "ENV=.."], "no environment '..'"),
        (["VERSION=0.2.0", "ENV=dev staging"], "no environment 'dev staging'"),
        (["ENV=dev"], "'' is no version; write VERSION=1.2.3"),
        (["ENV=dev", "VERSION=latest"], "'latest' is no version"),
        (["ENV=dev", 'VERSION=0.2.0"; touch bad; "'], "is no version"),
        (["ENV=dev", "VERSION=0.2.0/$(touch bad)"], "is no version"),
        (["ENV=dev", "VERSION=0.2.0\nbad"], "is no version"),
        (["ENV=dev", "VERSION=0.1.0"], "dev runs 0.1.0 already"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(repository, arguments, said):
    assert said in repository.make("promote", *arguments, refused=True)
    assert repository.git("status", "--short") == ""
    assert repository.git("log", "--format=%s").split() == ["begin"]


def test_changes_of_someone_else_are_not_swept_in(repository):
    repository.file("dev").write_text('image:\n  tag: "9.9.9"\n')
    assert "has changes that are not committed" in repository.make("promote", "ENV=dev", "VERSION=0.2.0", refused=True)
    repository.commit("by hand")
    assert "is no promotion: by hand" in repository.make("rollback", "ENV=dev", refused=True)


def test_an_environment_with_slots_takes_a_version_idle_and_then_makes_it_active(repository):
    slots = repository.file("dev", "slots.yaml")
    shutil.copy(ROOT / "k8s/rollouts/slots.yaml", slots)
    repository.commit("slots")
    repository.make("promote", "ENV=dev", "VERSION=0.2.0")
    assert 'active: "blue"' in slots.read_text()
    assert 'green: "0.2.0"' in slots.read_text()
    repository.make("promote", "ENV=dev")
    assert 'active: "green"' in slots.read_text()
    repository.make("rollback", "ENV=dev")
    assert 'active: "blue"' in slots.read_text()
    assert repository.git("log", "--format=%s").splitlines()[:3] == [
        "Roll back dev to 0.1.0",
        "Promote dev: green is active, 0.2.0",
        "Promote dev: 0.2.0 into green",
    ]
