"""Commits as built trees: checked out once, built in place, the oldest forgotten."""

import os
import subprocess

import pytest

from perf import trees

MAKEFILE = "build:\n\tmkdir -p .venv/bin && cat cost >.venv/bin/gateway && echo once >>.venv/built\n"


class Repository:
    def __init__(self, at):
        self.at = at
        at.mkdir()
        (at / "Makefile").write_text(MAKEFILE)
        (at / ".gitignore").write_text("build/\n.venv/\n")
        self.git("init", "--quiet")
        self.commit("10")

    def git(self, *command):
        who = {f"GIT_{who}_{what}": "someone" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        env = os.environ | who | {"GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(
            ["git", *command], cwd=self.at, env=env, check=True, capture_output=True, text=True, timeout=60
        ).stdout.strip()

    def commit(self, cost):
        (self.at / "cost").write_text(cost)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", f"costs {cost}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "tree")


def test_a_commit_is_checked_out_and_built_beside_this_tree(repository):
    first = repository.git("rev-parse", "HEAD")
    repository.commit("20")
    tree = trees.built("HEAD~1", repository.at)
    assert (tree.word, tree.commit, tree.root) == (
        "HEAD~1",
        first[:12],
        repository.at / "build/perf/trees" / first[:12],
    )
    assert (tree.root / ".venv/bin/gateway").read_text() == "10"
    assert trees.built("HEAD", repository.at).commit != tree.commit
    # again: the same tree, which make looks at once more
    assert trees.built(first, repository.at).root == tree.root
    assert (tree.root / ".venv/built").read_text() == "once\nonce\n"
    assert repository.git("status", "--porcelain") == ""


def test_this_tree_is_taken_as_it_is(repository):
    (repository.at / "cost").write_text("30")
    here = trees.built(".", repository.at)
    assert here.root == repository.at and here.commit.endswith("-dirty")


def test_what_is_not_there_or_cannot_be_built_is_said(repository):
    with pytest.raises(trees.NoTree, match="there is no commit nowhere"):
        trees.built("nowhere", repository.at)
    (repository.at / "Makefile").write_text("build:\n\techo no compiler here; false\n")
    broken = repository.commit("40")
    with pytest.raises(trees.NoTree, match=r"(?s)cannot be built, make build failed: .*no compiler here"):
        trees.built(broken, repository.at)


def test_only_the_last_few_are_kept(repository, monkeypatch):
    monkeypatch.setattr(trees, "KEPT", 2)
    found = []
    for number, cost in enumerate(("1", "2", "3")):
        found.append(trees.built(repository.commit(cost), repository.at))
        os.utime(found[-1].root, (number, number))
    assert [tree.root.exists() for tree in found] == [False, True, True]
    assert len(repository.git("worktree", "list").splitlines()) == 3  # this one and two
    assert trees.built(found[0].commit, repository.at).root.exists()


def test_a_tree_that_was_removed_by_hand_is_made_anew(repository):
    tree = trees.built("HEAD", repository.at)
    subprocess.run(["rm", "-rf", repository.at / "build"], check=True)
    assert trees.built("HEAD", repository.at).root == tree.root and (tree.root / "cost").exists()
