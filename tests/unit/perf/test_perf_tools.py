"""Finding and installing nginx and wrk; describing the machine."""

import os

import pytest

from perf import machine, tools


def test_what_is_there_is_found_and_not_installed(monkeypatch):
    monkeypatch.setattr(tools, "_install", lambda packages: pytest.fail("installs what is there"))
    assert tools.ensure("sh") == {"sh": tools.find("sh")}


def test_others_than_root_get_the_line_to_run(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit, match="sudo apt-get install -y no-such-tool no-such-other`"):
        tools.ensure("sh", "no-such-tool", "no-such-other")


def test_root_installs_only_what_is_missing(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        tools.shutil, "which", lambda tool, path=None: None if tool == "no-such-tool" else f"/bin/{tool}"
    )
    monkeypatch.setattr(tools, "_install", asked.extend)
    tools.ensure("sh", "no-such-tool")
    assert asked == ["no-such-tool"]


def test_a_failed_installation_is_one_line(monkeypatch):
    class Failed:
        returncode, stderr = 100, "noise\nE: Unable to locate package no-such-tool\n"

    monkeypatch.setattr(tools.subprocess, "run", lambda *_, **__: Failed)
    with pytest.raises(SystemExit, match="needs no-such-tool, and `apt-get update -q` failed: E: Unable to locate"):
        tools._install(["no-such-tool"])


def test_the_machine_says_what_results_need():
    found = machine.describe()
    assert {"cpu", "cores", "kernel", "python", "versions", "commit", "memory_mb"} <= found.keys()
    assert found["cores"] >= 1 and found["memory_mb"] > 100
    assert machine.is_same(found, dict(found)) and not machine.is_same(found, found | {"cpu": "another"})
