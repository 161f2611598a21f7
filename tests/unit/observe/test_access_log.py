"""The access log as a step of the line."""

import json
from pathlib import Path

import pytest

from gateway.contracts import Steps
from gateway.exchange import Response
from gateway.observability.access_log import AccessLogs
from gateway.observability.access_log_options import AccessLog
from tests.exchanges import exchange


def lines_of(file: Path, spec: AccessLog, *asked, headers=()) -> list[str]:
    logs = AccessLogs()
    steps = logs.compile(spec, headers)
    for each in asked:
        steps.on_close(each)
    logs.close()
    return file.read_text().splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def test_json(file: Path) -> None:
    asked = exchange(target="/v1/items?key=abc", headers=[("X-Beta", "1"), ("X-API-Key", "s3cret"), ("X-Other", "no")])
    [line] = lines_of(file, AccessLog("json", str(file), 1.0, "f:1"), asked, headers=["X-Beta", "x-api-key", "X-Plan"])
    said = json.loads(line)
    assert said["headers"] == {"x-api-key": "***", "x-beta": "1"}
    assert said["target"] == "/v1/items?key=***"
    assert "s3cret" not in line


def test_combined(file: Path) -> None:
    [line] = lines_of(file, AccessLog("combined", str(file), 1.0, "f:1"), exchange(response=Response(200, []), sent=5))
    assert line.startswith("192.0.2.1 - - [")
    assert line.endswith('] "GET / HTTP/1.1" 200 5 "-" "-"')


def test_a_sample_of_none_keeps_failures_only(file: Path) -> None:
    asked = [exchange(response=Response(status, [])) for status in (200, 404, 500, 503)]
    lines = lines_of(file, AccessLog("json", str(file), 0.0, "f:1"), *asked)
    assert [json.loads(line)["status"] for line in lines] == [500, 503]


def test_off_is_no_step_and_no_file(file: Path) -> None:
    assert AccessLogs().compile(AccessLog("off", str(file), 1.0, "f:1"), ()) == Steps()
    assert not file.exists()


def test_two_plans_share_a_file_in_order(file: Path) -> None:
    logs = AccessLogs()
    old = logs.compile(AccessLog("json", str(file), 1.0, "f:1"), ())
    new = logs.compile(AccessLog("json", str(file), 1.0, "f:1"), ["X-Beta"])
    for number, steps in enumerate((old, new, old, new)):
        steps.on_close(exchange(request_id=str(number)))
    assert logs.reopen() == []
    logs.close()
    assert [json.loads(line)["id"] for line in file.read_text().splitlines()] == ["0", "1", "2", "3"]
