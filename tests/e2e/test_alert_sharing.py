"""What others know of an alert: a real Alertmanager, and a host that does not see it; over the end of an observer."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_alerts import Traffic, alert, command, end_observer, ready, send, text
from tests.support.gateway import free_port, wait_until
from tests.support.receivers import receiving
from tests.support.redis import RedisServer
from tests.support.through import serving

pytestmark = pytest.mark.timed


class Alertmanager:
    """A real one, of no receivers."""

    def __init__(self, url: str) -> None:
        self.url = url

    def alerts(self) -> list[Any]:
        """Those that have not ended."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=5) as answer:
                return list(json.loads(answer.read()))
        except (urllib.error.URLError, OSError):
            return []

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def alertmanager(folder: Path) -> Iterator[Alertmanager]:
    program = shutil.which("prometheus-alertmanager")
    assert program, "`make test` installs it"
    folder.mkdir()
    config = folder / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    made = Alertmanager(f"http://127.0.0.1:{free_port()}")
    line = [
        program, f"--config.file={config}", f"--storage.path={folder}/data", "--cluster.listen-address=",
        f"--web.listen-address={made.url.removeprefix('http://')}",
    ]  # fmt: skip
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(made.is_ready, "the Alertmanager answers", 20)
        yield made
    finally:
        process.terminate()
        process.wait(10)


def test_a_real_alertmanager_is_told_until_the_end(tmp_path: Path) -> None:
    port = free_port()
    with receiving() as receiver, alertmanager(tmp_path / "am") as real:
        config = text(receiver, port).replace("- webhook:", f"- alertmanager: {real.url}\n      webhook:", 1)
        with serving(tmp_path / "gw", config) as gateway:
            ready(gateway)
            with Traffic(port, gateway) as traffic:
                wait_until(lambda: len(real.alerts()) == 1, f"it is there: {gateway.output()}", 25)
                (before,) = real.alerts()
                assert before["labels"]["alertname"] == "errors" and before["status"]["state"] == "active"
                wait_until(lambda: len(receiver.bodies) == 2, "both tiers are told")
                since = gateway.admin("/api/overview")[1]["gateway"]["config_age"]

                end_observer(gateway)
                wait_until(lambda: real.alerts()[0]["endsAt"] > before["endsAt"], "its end is put off", 20)
                (after,) = real.alerts()
                assert after["startsAt"] == before["startsAt"] and after["fingerprint"] == before["fingerprint"]
                assert len(receiver.bodies) == 2, "nobody else is told again"
                assert gateway.admin("/api/overview")[1]["gateway"]["config_age"] > since, "nor is the plan newer"

                traffic.well()
                wait_until(lambda: real.alerts() == [], "it has ended there", 20)


def test_a_host_that_does_not_see_it_takes_it_in_hand(tmp_path: Path) -> None:
    port = free_port()
    server = RedisServer(tmp_path).start()
    store = f"redis://127.0.0.1:{server.port}/0"
    try:
        with receiving() as receiver:
            config = text(receiver, port, store).replace("after: 1s", "after: 1m")
            with serving(tmp_path / "a", config) as one, serving(tmp_path / "b", config) as two:
                ready(one)
                ready(two)
                status, body = send(two, "POST", "/api/alerts/errors/ack")
                assert status == 404 and "'errors' fires on no host" in body["detail"], body
                with Traffic(port, one) as traffic:
                    wait_until(lambda: alert(one)["tiers_told"] == [1], "it fires on one of them", 25)
                    assert send(two, "POST", "/api/alerts/errors/ack", {"labels": {"route": "x"}})[0] == 404
                    assert send(two, "POST", "/api/alerts/error/ack")[0] == 404
                    said = command(two, "alerts", "ack", "errors", "--by", "alice")
                    assert "it fires on" in said and "alice has it in hand" in said
                    wait_until(lambda: alert(one)["state"] == "acknowledged", "the host that sees it knows", 10)
                    assert alert(one)["acknowledged_by"] == "alice" and alert(one)["next_escalation"] is None
                    assert alert(two)["state"] == "inactive"
                    wait_until(lambda: len(receiver.bodies) == 2, "who was told hears of it")
                    traffic.well()
                    wait_until(lambda: alert(one)["state"] == "resolved", "it is over", 20)
                    wait_until(lambda: len(receiver.bodies) == 3, "and of the end")
                assert [(body["state"], body["tier"]) for body in receiver.bodies] == [
                    ("firing", 1), ("acknowledged", 1), ("resolved", 1),
                ]  # fmt: skip
    finally:
        server.stop()
