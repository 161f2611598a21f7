"""conf/examples/observe.yaml, served as it stands in front of the example services, of which one ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.examples import Services, example_services
from tests.support.gateway import Gateway, wait_until
from tests.support.receivers import Receiver, receiving
from tests.support.through import ask, get, serving

EXAMPLE = Path(__file__).parents[2] / "conf" / "examples" / "observe.yaml"
DOCS = EXAMPLE.parents[2] / "docs"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    """They end when a test says so."""
    with example_services() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, services: Services, receiver: Receiver) -> Iterator[Gateway]:
    hooks = ("ALERT_HOOK", "CHAT_HOOK", "PAGERDUTY_URL", "ALERTMANAGER")
    env = {name: f"{receiver.url}/{name.lower()}" for name in hooks}
    with serving(tmp_path_factory.mktemp("observe"), services.text(EXAMPLE), env=env) as made:
        yield made


def test_it_is_accepted() -> None:
    command = [sys.executable, "-m", "gateway.cli", "check", "-c", str(EXAMPLE), "--format", "json"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_all_keys_of_observability_are_in_it() -> None:
    import yaml

    from gateway.config.schema import json_schema

    written = yaml.safe_load(EXAMPLE.read_text())["observability"]
    keys = json_schema()["properties"]["observability"]["properties"]
    assert set(written) == {name for name, schema in keys.items() if schema.get("not") != {}}
    for name in ("access_log", "statsd", "tracing"):
        assert set(written[name]) == set(keys[name]["properties"]), name


def test_requests_are_told_about(gateway: Gateway) -> None:
    status, headers, _ = ask(gateway, get("/v1/items/1"))
    assert status == 200 and "server-timing" in headers and "traceresponse" in headers

    def counted() -> bool:
        status, text = gateway.admin("/metrics")
        return status == 200 and b'http_server_requests_total{route="item",method="GET"' in text

    wait_until(counted, "/metrics counts the request")
    assert gateway.admin("/dashboard")[0] == 200


def rows(text: str) -> dict[str, tuple[str, set[str]]]:
    """By metric, the (type, labels) that the tables of docs/observe.md have for it."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        for name in re.findall(r"`((?:gateway|http)_\w+)`", cells[1]) if len(cells) == 6 else ():
            found[name] = (cells[2], set(re.findall(r"`(\w+)`", cells[3])))
    return found


def test_every_metric_and_its_labels_are_in_the_docs(gateway: Gateway) -> None:
    told = rows((DOCS / "observe.md").read_text())
    assert ask(gateway, get("/nowhere"))[0] == 404

    def failed() -> Any:
        status, text = gateway.admin("/metrics")
        return text.decode() if status == 200 and b"gateway_errors_total{" in text else None

    page = wait_until(failed, "/metrics counts the error")
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M))
    assert len(kinds) > 50
    seen: dict[str, set[str]] = {name: set() for name in kinds}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", page, re.M):
        family = name if name in kinds else re.sub("_(bucket|sum|count)$", "", name)
        seen[family] |= set(re.findall(r'(\w+)="', labels)) - {"le"}
    assert set(kinds) - set(told) == set()
    for name, kind in kinds.items():
        assert kind in told[name][0], name
        assert not seen[name] or seen[name] == told[name][1], name


def test_every_field_of_the_log_is_in_the_docs(gateway: Gateway) -> None:
    section = (DOCS / "observe.md").read_text().partition("## The access log")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", section)) - {"dropped"}
    table = (DOCS / "access-log.md").read_text().partition("| member |")[2].partition("\n\n")[0]
    heads = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert named == {name for head in heads for name in re.findall(r"`(\w+)`", head)}
    assert ask(gateway, get("/v1/items/2"))[0] == 200
    line = wait_until(lambda: re.search(r'^\{.*"target":"/v1/items/2".*\}$', gateway.output(), re.M), "it is logged")
    fields = set(json.loads(line[0]))
    assert len(fields) >= 20 and fields <= named


def rows_of(gateway: Gateway) -> list[dict[str, Any]]:
    status, told = gateway.admin("/api/alerts")
    return list(told["alerts"]) if status == 200 else []


def test_alerts_are_there(gateway: Gateway) -> None:
    found = wait_until(lambda: rows_of(gateway), "the observer answers")
    names = {row["name"] for row in found}
    assert names >= {"errors", "slow", "targets", "item-availability"} and "odd" not in names, "nothing is odd yet"
    assert {row["key"] for row in found if row["name"] == "item-availability"} == {
        "item-availability{burn=fast}",
        "item-availability{burn=slow}",
    }


def test_a_service_ends_and_people_are_told(gateway: Gateway, services: Services, receiver: Receiver) -> None:
    import os
    import signal

    os.kill(services.pid, signal.SIGTERM)

    def told() -> Any:
        return [body for body in receiver.bodies if "catalog-down" in json.dumps(body)]

    wait_until(lambda: len(told()) >= 2, "the webhook and PagerDuty are told")
    shapes = {"name" in body: body for body in told()}
    assert (shapes[True]["name"], shapes[True]["state"], shapes[True]["severity"]) == ("catalog-down", "firing", "page")
    assert shapes[False]["event_action"] == "trigger" and shapes[False]["dedup_key"] == "gateway/catalog-down"

    def mutes() -> list[str]:
        return [row["muted_by"] for row in rows_of(gateway) if row["name"] == "targets"]

    wait_until(lambda: mutes() == ["alert catalog-down"], "the warning fires and is not told")
    assert not [body for body in receiver.bodies if body.get("name") == "targets"]
