"""Peers that are really started: that each does the full work it claims, and what a run and a sweep say of them."""

import json
import socket

import pytest

from gateway.tuning.processes import tree_memory
from perf import peer, tools
from perf.__main__ import main
from perf.arena import Arena, get
from perf.peercheck import ask, faults
from perf.scenario import Load, Shape, Trial

needs_tools = pytest.mark.skipif(
    not all(tools.find(tool) for tool in ("nginx", "wrk", "redis-server")),
    reason="nginx, wrk or redis-server is absent",
)
pytestmark = needs_tools


@pytest.mark.parametrize("name", ["haproxy", "nginx-lua", "stock"])
def test_full_work_is_done(name):
    if reason := peer.load(name).absent():
        pytest.skip(reason)
    assert faults(name) == []


def test_bare_peers_pass_on_what_they_get_and_their_memory_is_seen():
    names = [name for name in ("nginx", "haproxy") if not peer.load(name).absent()]
    with Arena() as arena:
        for name in names:
            running = arena.get(Trial(name, name, Shape(), Load()))
            status, said = ask(running.port, get("/v1/items/42"))
            assert status == 200 and said["name"] == "widget"
            assert 1 < tree_memory(running.server.sid) < 500
    with socket.socket() as probe:  # and nothing is left of them
        assert probe.connect_ex(("127.0.0.1", running.port)) != 0


def test_a_sweep_measures_its_points(tmp_path):
    target = tmp_path / "r.json"
    arguments = ["sweep", "bare", "--body", "50000", "--only", "nginx", "--rounds", "1", "--seconds", "1"]
    assert main([*arguments, "--json", str(target)]) == 0
    (swept,) = json.loads(target.read_text())["sweeps"].values()
    assert [point["at"] for point in swept["points"]] == [50000]
    for point in swept["points"]:
        for found in point["series"].values():
            (row,) = found["rounds"]
            assert row["failed"] == 0 and row["cpu_us"] > 0 and row["peak_mb"] > 1 and row["cpu_s_per_gb"] > 0
