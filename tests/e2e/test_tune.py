"""`gateway tune` as a user runs it: beside a gateway that serves, for a route with a token, and stopped by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.support.gateway import ROOT, Gateway, wait_until
from tests.support.marked import marked
from tests.support.raw import Upstream, echo

pytestmark = pytest.mark.timed

SECRET = "a secret of the tests, that nobody else will use, 64 bytes long."
CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 2}
upstreams: {up: {targets: ["TARGET"]}}
auth: {people: {jwt: {secret: "SECRET", algorithms: [HS256], audience: shop}}}
rate_limits: [{name: all, per: all, rate: 1/m}]
observability: {access_log: {format: json, to: access.log}}
routes: [{name: item, match: {path: "/v1/items/{id:int}"}, upstream: up, auth: {use: people}}]
"""
TOKEN = jwt.encode({"sub": "me", "aud": "shop", "exp": time.time() + 3600}, SECRET, "HS256")


@contextmanager
def upstream() -> Iterator[Upstream]:
    made = Upstream(echo)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def mark() -> Iterator[str]:
    """What all processes of a run have in their environment; none of them may be left."""
    name = f"TUNE_TEST={uuid.uuid4()}"
    yield name
    wait_until(lambda: not marked(name), "all that was started has ended", 30)


def start(config: Path, mark: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gateway.cli", "tune", "-c", str(config), *arguments]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | dict([mark.split("=")])
    # What a shell starts in the background ignores Ctrl-C, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=config.parent
        )
    finally:
        signal.signal(signal.SIGINT, before)


def configured(folder: Path, target: str) -> Gateway:
    return Gateway(folder, CONFIG.replace("TARGET", target).replace("SECRET", SECRET))


def test_a_target_is_answered_and_the_gateway_that_serves_is_left_alone(tmp_path: Path, mark: str) -> None:
    with upstream() as theirs:
        serving = configured(tmp_path, theirs.url).start()
        try:
            before = wait_until(lambda: len(found := serving.workers()) == 2 and found, "both workers serve")
            arguments = ["--seconds", "1", "--cores", "1", "--rate", "50/s", "--p99", "5s", "--memory", "1GB"]
            header = f"Authorization: Bearer {TOKEN}"
            process = start(serving.config, mark, *arguments, "--header", header, "--format", "json")
            text, told = process.communicate(timeout=60)
            assert process.returncode == 0, told
            assert sorted(serving.workers()) == sorted(before)
            assert not (tmp_path / "access.log").read_text() and not theirs.connections
        finally:
            serving.stop()
    check(json.loads(text))
    assert TOKEN not in text + told and SECRET not in text + told


def check(found: dict[str, Any]) -> None:
    """What the JSON of a run has in it; figures within what no machine can miss."""
    points, advice = found["found"]["points"], found["advice"]
    assert [(each["workers"], each["connections"]) for each in points] == [(1, 1), (1, 4), (1, 16), (1, 64)]
    assert all(each["rps"]["value"] > 10 and 0 < each["p50_ms"] <= each["p99_ms"] for each in points)
    assert sum(each["failed"] for each in points) == 0, "limits and tokens let them through"
    assert 5 < max(each["cpu_us"] for each in points) < 50_000
    assert [each["share"] for each in found["found"]["curve"]] == [0.5, 0.8]
    assert advice["settings"]["workers"] == 1 and advice["pods"] >= 2 and advice["headroom"] > 0
    assert advice["capacity"] > 50 and advice["cpu_seconds_per_million"] == pytest.approx(advice["cpu_us"])
    assert advice["memory_request"] <= advice["memory_limit"] <= 1 << 30
    assert [each["settings"]["workers"] for each in found["found"]["duel"]] == [1, 2]
    assert found["verdict"] and any("never refuse" in each for each in found["differences"])


def test_ctrl_c_ends_all_of_it_and_real_upstreams_are_asked_if_wished(tmp_path: Path, mark: str) -> None:
    with upstream() as theirs:
        config = configured(tmp_path, theirs.url).config
        process = start(config, mark, "--upstream", "real", "--header", f"Authorization: Bearer {TOKEN}")
        wait_until(lambda: len(theirs.received()) > 200, "the real upstream is asked", 60)
        assert len(marked(mark)) > 3
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and "stopped" in told and "Traceback" not in told


def test_a_refusal_is_not_measured(tmp_path: Path, mark: str) -> None:
    config = configured(tmp_path, "http://127.0.0.1:9").config
    process = start(config, mark, "--route", "item")
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1 and "answers 401" in told and "--header" in told and "Traceback" not in told
