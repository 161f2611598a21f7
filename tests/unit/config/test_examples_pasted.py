"""The commands in the comments of conf/examples work as they stand."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.group import main

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "conf" / "examples").glob("*.yaml"))
_COMMAND = re.compile(r"\bgateway ((?:check|explain|routes|import) [^`,\n]*conf/examples/[^`,\n]*)")


def commands():
    for file in EXAMPLES:
        lines = [line.lstrip("# ") for line in file.read_text().splitlines() if line.startswith("#")]
        text = "\n".join(lines).replace("\\\n", " ")
        yield from _COMMAND.findall(text)


@pytest.mark.parametrize("command", list(commands()))
def test_pasted(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("PARTNER_KEYS", raising=False)
    result = CliRunner().invoke(main, shlex.split(command))
    assert (result.exit_code, result.exception) == (0, None), result.output
    if "guard.yaml" in command:
        assert "422 invalid-body" in result.output and "/name: " in result.output


def test_there_are_some():
    assert len(list(commands())) >= 5
