"""What gunicorn is told of the machine."""

import os

import pytest

from gateway.config.document import loads
from gateway.server.machine import usable_cores
from gateway.server.settings import gunicorn_settings


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("10000 100000\n", 1),
        ("9900000 100000\n", 8),
        (None, 8),
    ],
)
def test_workers_follow_the_quota_of_the_container(quota, cores, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert of_groups(tmp_path, "0::/\n", {} if quota is None else {"cpu.max": quota}) == cores


def of_groups(root, rows, files):
    """The cores where /proc/self/cgroup says `rows` and the files of groups hold this."""
    for name, text in {
        "proc/self/cgroup": rows,
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return usable_cores(root)


@pytest.mark.parametrize(
    ("rows", "files", "cores"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "150000 100000\n", "a/cpu.max": "300000 100000\n"}, 2),
        ("4:cpu,cpuacct:/a\n0::/\n", {"cpu/a/cpu.cfs_quota_us": "250000\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, 3),
        ("4:cpu:/host/a\n", {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "50000\n"}, 1),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ("4:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
    ],
)
def test_the_least_quota_of_all_groups_in_both_versions(rows, files, cores, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert of_groups(tmp_path, rows, files) == cores


@pytest.mark.parametrize(("workers", "told"), [("auto", 5), ("3", 3)])
def test_as_many_workers_as_are_asked_for(workers, told, monkeypatch):
    monkeypatch.setattr("gateway.server.settings.usable_cores", lambda: 5)
    routes = "routes: [{name: a, match: {path: /a}, respond: {status: 200}}]"
    text = f"version: 1\nserver: {{workers: {workers}}}\n{routes}\n"
    assert gunicorn_settings(loads(text))["workers"] == told
