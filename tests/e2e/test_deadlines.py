"""A caller's own deadline: it cuts the wait short, and says nothing about the target."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway
from tests.support.raw import Connection, Upstream
from tests.support.through import ask, config, get, problem, serving

pytestmark = pytest.mark.timed

LATE = 1.5


def late(connection: Connection) -> None:
    while True:
        connection.request()
        time.sleep(LATE)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    upstream = Upstream(late)
    spec = (
        f'targets: ["{upstream.url}"], outlier: {{consecutive_5xx: 2, eject_for: 30s}}, '
        "circuit_breaker: {min_requests: 5, open_for: 30s}, retry: {attempts: 2}"
    )
    with serving(tmp_path_factory.mktemp("gateway"), config({"slow": spec})) as made:
        yield made
    upstream.close()


@pytest.mark.parametrize("line", ["X-Request-Timeout: 0.02", "X-Request-Timeout: 20ms", "grpc-timeout: 20m"])
def test_who_has_no_time_gets_an_answer_in_time(gateway: Gateway, line: str):
    began = time.monotonic()
    assert problem(gateway, get("/slow/x", line))[:2] == (504, "upstream-timeout")
    assert time.monotonic() - began < LATE


def test_callers_in_a_hurry_harm_nobody_else(gateway: Gateway):
    for _ in range(10):
        assert problem(gateway, get("/slow/x", "X-Request-Timeout: 1ms"))[1] == "upstream-timeout"
    assert ask(gateway, get("/slow/x"))[0] == 200


@pytest.mark.parametrize("line", ["X-Request-Timeout: 3600", "X-Request-Timeout: soon", "grpc-timeout: 1H"])
def test_what_is_longer_or_no_time_changes_nothing(gateway: Gateway, line: str):
    assert ask(gateway, get("/slow/x", line))[0] == 200


def test_nobody_lengthens_what_is_written(tmp_path: Path):
    upstream = Upstream(late)
    spec = f'targets: ["{upstream.url}"], timeout: {{connect: 20ms, read: 40ms, total: 50ms}}'
    with serving(tmp_path / "gateway", config({"slow": spec})) as gateway:
        assert problem(gateway, get("/slow/x", "X-Request-Timeout: 10"))[0] == 504
    upstream.close()
