"""An upstream fails: the alert fires, climbs, is taken in hand and resolved; seen by receivers of real gateways."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway, free_port, wait_until
from tests.support.operations import is_alive, observer
from tests.support.receivers import Receiver, receiving
from tests.support.redis import RedisServer
from tests.support.through import ask, get, serving

CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 1}
observability: {access_log: {format: off}}
STORE
upstreams: {catalog: {targets: ["http://127.0.0.1:DEAD"], timeout: {connect: 500ms, read: 1s, total: 1s}}}
routes:
  - {name: item, match: {path: /item}, upstream: catalog}
alerts:
  - name: errors
    when: error_rate(2s, route=item) > 20%
    for: 1s
    keep_firing_for: 1s
    severity: page
    labels: {team: shop}
  - {name: quiet, when: "requests(1s, route=item) < 0.001/s and error_rate(10s) > 20%", severity: page}
escalation:
  page:
    - webhook: {url: "HOOK/first", headers: {X-Key: "${env:CHAT_KEY:-hidden-key}"}}
    - {after: 1s, webhook: "HOOK/second"}
    - {after: 1h, slack: "HOOK/third"}
inhibit: [{if: {name: errors}, mute: {name: quiet}}]
"""

pytestmark = pytest.mark.timed


def text(receiver: Receiver, port: int, store: str = "") -> str:
    config = CONFIG.replace("HOOK", receiver.url).replace("DEAD", str(port))
    return config.replace("STORE", f"store: {store}" if store else "")


class Traffic:
    """Requests to gateways in front of an upstream at `port` that is down, until it is `well`."""

    def __init__(self, port: int, *gateways: Gateway) -> None:
        self._port = port
        self._upstream: Receiver | None = None
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(each,), daemon=True) for each in gateways]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def well(self) -> None:
        """The upstream is up from now on."""
        self._upstream = Receiver(self._port)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(5)
        if self._upstream is not None:
            self._upstream.close()

    def _run(self, gateway: Gateway) -> None:
        while not self._over.wait(0.05):
            ask(gateway, get("/item"))


def alert(gateway: Gateway, name: str = "errors") -> dict[str, Any]:
    status, found = gateway.admin("/api/alerts")
    assert status == 200, found
    return next(row for row in found["alerts"] if row["name"] == name)


def send(gateway: Gateway, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    import urllib.error
    import urllib.request

    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.admin_port}{path}", data, method=method)
    request.add_header("X-Gateway-Admin", "1")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            raw = answer.read()
            return answer.status, json.loads(raw) if raw else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def command(gateway: Gateway, *arguments: str) -> str:
    """What a command of the gateway's prints."""
    line = [sys.executable, "-m", "gateway.cli", *arguments, "-c", str(gateway.config)]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def port() -> int:
    """Of the upstream."""
    return free_port()


def ready(gateway: Gateway) -> None:
    wait_until(lambda: gateway.admin("/api/alerts")[0] == 200, "the observer answers")


def end_observer(gateway: Gateway) -> None:
    """Kill it, and wait for the next one."""
    pid = observer(gateway.pid)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), "it is gone")
    ready(gateway)


def test_the_life_of_an_alert(tmp_path: Path, receiver: Receiver, port: int) -> None:
    receiver.plan += [503, "close"]  # what is not taken at once comes again
    config = text(receiver, port)
    with (
        receiving(plan=("hang",) * 100) as silent,
        serving(tmp_path / "gw", config.replace("{after: 1s,", f'{{after: 1s, slack: "{silent.url}/",')) as gateway,
    ):
        ready(gateway)
        with Traffic(port, gateway) as traffic:
            wait_until(lambda: len(receiver.bodies) == 2, f"two tiers are told: {gateway.output()}", 25)
            first, second = sorted(receiver.bodies, key=lambda body: body["tier"])
            assert (first["tier"], second["tier"], first["state"]) == (1, 2, "firing")
            assert first["labels"] == {"route": "item", "team": "shop"} and first["value"] > 0.2
            assert first["severity"] == "page" and "error_rate(2s, route=item) is" in first["summary"]
            assert dict(receiver.heads)["/first"]["x-key"] == "hidden-key"
            row = alert(gateway)
            assert (row["state"], row["tiers_told"]) == ("firing", [1, 2]) and row["next_escalation"]

            end_observer(gateway)  # another one goes on where it stopped
            row = alert(gateway)
            assert (row["state"], row["tiers_told"]) == ("firing", [1, 2])
            wait_until(lambda: ") is 100 %" in alert(gateway)["summary"], "it is looked at again")

            listed = command(gateway, "alerts", "list")
            assert (
                "firing       page     errors: error_rate(2s, route=item) is" in listed and "next escalation" in listed
            )
            assert "alice has it in hand" in command(gateway, "alerts", "ack", "errors", "--by", "alice")
            wait_until(lambda: len(receiver.bodies) == 4, "both hear of it")
            assert {body["acknowledged_by"] for body in receiver.bodies[2:]} == {"alice"}
            row = alert(gateway)
            assert (row["state"], row["next_escalation"]) == ("acknowledged", None)

            traffic.well()
            wait_until(lambda: len(receiver.bodies) >= 6, "both hear of the end", 20)
        assert {(body["state"], body["tier"]) for body in receiver.bodies[4:6]} == {("resolved", 1), ("resolved", 2)}
        assert alert(gateway)["state"] == "resolved"
        assert len(silent.heads) == 2, "who says nothing to either observer holds up nobody else"
        waiting = gateway.admin("/api/alerts")[1]["notifications"]["waiting"]
        assert waiting == 3, "that it fires, which the observer that was killed did not get rid of, is among them"
        status, shown = gateway.admin("/api/config")
        assert status == 200 and receiver.url not in json.dumps(shown) and "hidden-key" not in json.dumps(shown)
        assert b"gateway_alerts{" in gateway.admin("/metrics")[1]
        assert "hidden-key" not in gateway.output()


def test_silences_and_bad_requests(tmp_path: Path, receiver: Receiver, port: int) -> None:
    with serving(tmp_path / "gw", text(receiver, port)) as gateway:
        ready(gateway)
        status, silence = send(
            gateway, "POST", "/api/silences", {"matchers": {"name": "errors"}, "for": "1h", "by": "bob"}
        )
        assert status == 201 and silence["by"] == "bob"
        for body in ({}, {"matchers": {}, "for": "1h"}, {"matchers": {"a": "b"}}, {"matchers": {"a": 1}, "for": "1h"}):
            assert send(gateway, "POST", "/api/silences", body)[0] == 422, body
        assert send(gateway, "POST", "/api/alerts/nothing/ack")[0] == 404
        assert send(gateway, "POST", "/api/alerts/errors/ack")[0] == 404, "it does not fire"
        with Traffic(port, gateway):
            wait_until(lambda: alert(gateway)["muted_by"] == f"silence {silence['id']}", "it fires, unheard", 20)
            assert not receiver.heads
            assert [row["mutes"] for row in gateway.admin("/api/silences")[1]] == [["errors"]]
            assert send(gateway, "DELETE", f"/api/silences/{silence['id']}") == (204, None)
            assert send(gateway, "DELETE", f"/api/silences/{silence['id']}")[0] == 404
            wait_until(lambda: receiver.bodies, "now it is told", 10)
            # a reload that changes the rule keeps what is known of it
            gateway.write(text(receiver, port).replace("> 20%", "> 21%"))
            assert gateway.admin("/api/reload", "POST")[0] == 200
            wait_until(lambda: "21%" in alert(gateway)["expression"], "the observer has the new rule")
            assert alert(gateway)["state"] == "firing" and alert(gateway)["tiers_told"][0] == 1


def test_two_hosts_speak_with_one_voice(tmp_path: Path, receiver: Receiver, port: int) -> None:
    server = RedisServer(tmp_path).start()
    store = f"redis://127.0.0.1:{server.port}/0"
    try:
        with (
            serving(tmp_path / "a", text(receiver, port, store)) as one,
            serving(tmp_path / "b", text(receiver, port, store)) as two,
        ):
            ready(one)
            ready(two)
            with Traffic(port, one, two) as traffic:
                wait_until(lambda: [alert(each)["tiers_told"] for each in (one, two)] == [[1, 2]] * 2, "both climb", 25)
                wait_until(lambda: len(receiver.bodies) == 2, "each tier is told")
                assert send(one, "POST", "/api/alerts/errors/ack", {"by": "alice"})[0] == 200
                assert send(one, "POST", "/api/silences", {"matchers": {"name": "x"}, "for": "1h"})[0] == 201
                wait_until(lambda: alert(two)["acknowledged_by"] == "alice", "the other host knows", 10)
                wait_until(lambda: len(two.admin("/api/silences")[1]) == 1, "the other host has the silence", 10)
                traffic.well()
                wait_until(
                    lambda: [alert(each)["state"] for each in (one, two)] == ["resolved"] * 2, "both are well", 20
                )
                wait_until(lambda: len(receiver.bodies) >= 6, "all were told")
        assert sorted((body["state"], body["tier"]) for body in receiver.bodies) == [
            (state, tier) for state in ("acknowledged", "firing", "resolved") for tier in (1, 2)
        ]
    finally:
        server.stop()
