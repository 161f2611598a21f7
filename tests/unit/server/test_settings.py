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
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(quota)
    assert usable_cores(str(file)) == cores


@pytest.mark.parametrize(("workers", "told"), [("auto", 5), ("3", 3)])
def test_as_many_workers_as_are_asked_for(workers, told, monkeypatch):
    monkeypatch.setattr("gateway.server.settings.usable_cores", lambda: 5)
    routes = "routes: [{name: a, match: {path: /a}, respond: {status: 200}}]"
    text = f"version: 1\nserver: {{workers: {workers}}}\n{routes}\n"
    assert gunicorn_settings(loads(text))["workers"] == told
