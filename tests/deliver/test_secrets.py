"""No secret is in the tree: gitleaks looks at every file that git would take, with a short list of what is none."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files

pytestmark = pytest.mark.deliver

RULES = ROOT / ".gitleaks.toml"


def found(source: Path, report: Path) -> list[tuple[str, int, str]]:
    """(file, line, rule) of every finding."""
    command = ["gitleaks", "detect", "--no-git", "--no-banner", "--redact", "--exit-code", "0", "--config", str(RULES)]
    command += ["--source", str(source), "--report-path", str(report)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    rows = json.loads(report.read_text() or "[]") or []
    return sorted((str(Path(row["File"]).relative_to(source)), row["StartLine"], row["RuleID"]) for row in rows)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git would take, and nothing that a build left beside them."""
    folder = tmp_path_factory.mktemp("tree")
    for path in files():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target, follow_symlinks=False)
    return folder


def test_the_tree_holds_no_secret(tree: Path, tmp_path: Path) -> None:
    assert found(tree, tmp_path / "report.json") == []


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("conf/planted.yaml", "aws_access_key_id: AKIA" + "Z7Q2K5M3X4W6R2T7\n", "aws-access-token"),
        ("conf/planted.env", 'client_secret = "' + "q7Zk2vX9" + 'tB4mN8cR1wL5"\n', "generic-api-key"),
        ("gateway/planted.py", 'TOKEN = "ghp_' + "1a2B3c4D5e6F7g8H9i0J1k2L3m4N5o6P7q8R" + '"\n', "github-pat"),
        (
            "k8s/planted.pem",
            "-----BEGIN RSA PRIVATE "
            "KEY-----\n" + "MIIEowIBAAKCAQEA7v3k9x\n" * 4 + "-----END RSA PRIVATE " + "KEY-----\n",
            "private-key",
        ),
    ],
)
def test_a_planted_one_is_found(tmp_path: Path, name: str, text: str, rule: str) -> None:
    planted = tmp_path / "tree" / name
    planted.parent.mkdir(parents=True)
    planted.write_text(text)
    assert [(file, which) for file, _, which in found(tmp_path / "tree", tmp_path / "report.json")] == [(name, rule)]
