"""The command line of `gateway tune`: what it refuses before anything is started."""

import pytest
from click.testing import CliRunner

from gateway.cli.group import main

CONFIG = """
version: 1
upstreams: {up: {targets: ["http://127.0.0.1:9"]}}
routes: [{name: a, match: {path: /a}, upstream: up}]
"""


def run(*arguments):
    return CliRunner().invoke(main, ["tune", *arguments])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rate", "fast"),
        ("--rate", "0/s"),
        ("--p99", "20"),
        ("--memory", "1"),
        ("--cores", "0"),
        ("--seconds", "0.5"),
        ("--header", "nothing"),
        ("--header", "A: b\r\nC: d"),
        ("--path", "relative"),
        ("--path", "/a b"),
        ("--data", "@/nowhere/at/all"),
        ("--method", "HEAD"),
        ("--method", "GET / HTTP/1.1"),
        ("--upstream", "mine"),
        ("--answer", "large"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(arguments):
    answer = run(*arguments)
    assert answer.exit_code == 2 and arguments[0] in answer.output and "Traceback" not in answer.output


def test_a_header_that_is_refused_is_not_shown():
    assert "hush" not in run("--header", "Authorization hush").output


def test_a_configuration_that_is_not_there_or_is_wrong_is_told(tmp_path):
    answer = run("-c", str(tmp_path / "none.yaml"))
    assert answer.exit_code == 1 and "no such file" in answer.output
    (tmp_path / "bad.yaml").write_text("version: 1\nroutse: []\n")
    answer = run("-c", str(tmp_path / "bad.yaml"))
    assert answer.exit_code == 1 and "bad.yaml:2" in answer.output


def test_a_route_that_is_not_there_is_told(tmp_path):
    (tmp_path / "g.yaml").write_text(CONFIG)
    answer = run("-c", str(tmp_path / "g.yaml"), "--route", "b")
    assert answer.exit_code == 1 and "no route 'b'" in answer.output
