"""The command line of `gateway audit`."""

import json

import pytest
from click.testing import CliRunner

from gateway.cli.group import main
from gateway.observability.audit.chain import entry
from gateway.observability.audit.writer import AuditFile


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "audit.log"
    AuditFile(str(path), b"").add([entry({"event": f"e{number}"}) for number in range(3)])
    return path


def verify(*words, env=None):
    ended = CliRunner().invoke(main, ["audit", "verify", *map(str, words)], env=env)
    return ended.exit_code, ended.output


def last_hash(log):
    return json.loads(log.read_text().splitlines()[-1])["hash"]


def test_all_is_well(log):
    assert verify(log) == (0, f"3 lines, seq 1 to 3, head {last_hash(log)}\n")


def test_as_json(log):
    log.write_text(log.read_text().replace("e1", "e9"))
    status, output = verify(log, "--format", "json")
    told = json.loads(output)
    assert (status, told["lines"], told["last"]) == (1, 3, 3)
    assert told["mistakes"] == [{"file": str(log), "line": 2, "message": "seq 2 was altered"}]


def test_files_in_any_order(log):
    old = log.rename(f"{log}.1")
    AuditFile(str(log), b"").add([entry({"event": "e3"})])
    assert verify(log, old)[0] == 0
    assert "no older file is given" in verify(log)[1]
    assert verify(log, "--partial")[0] == 0


def test_cut_off(log):
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:2]))
    assert "cut off: one line after seq 2 is missing, the last is seq 3" in verify(log)[1]


def test_a_head_that_was_kept_elsewhere(log):
    kept = last_hash(log)
    AuditFile(str(log), b"").add([entry({"event": "later"})])
    assert verify(log, "--head", kept)[0] == 0
    status, output = verify(log, "--head", "0" * 64)
    assert status == 1
    assert "no line has the hash" in output


def test_without_a_head_the_end_is_not_sure(log):
    log.with_name("audit.log.head").unlink()
    assert "no head file is there" in verify(log)[1]


def test_a_secret(log, tmp_path):
    path = tmp_path / "keyed.log"
    AuditFile(str(path), b"secret").add([entry({"event": "e"})])
    assert verify(path)[0] == 1
    assert verify(path, "--secret-env", "KEY", env={"KEY": "secret"})[0] == 0
    assert verify(path, "--secret-env", "KEY", env={"KEY": "other"})[0] == 1
    assert verify(path, "--secret-env", "KEY", env={"KEY": ""})[0] == 2
