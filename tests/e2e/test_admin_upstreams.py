"""/api/upstreams of a real gateway: what people say of a target holds for every worker; what dies is seen to heal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.gateway import ROOT, Gateway, free_port, wait_until
from tests.support.operations import get, running, server
from tests.support.raw import Client

ASKED = 40
SHARES = count()

CONFIG = (
    server(2).replace('format: "off"', "format: json, to: access.log")
    + """
upstreams:
  catalog:
    targets: [http://127.0.0.1:ONE, http://127.0.0.1:TWO]
    balance: round_robin
    health: {path: /healthz, every: 200ms, timeout: 200ms, fall: 5, rise: 2}
    retry: {attempts: 1, on: [connect, reset], budget: 100%}
routes:
  - {name: items, match: {path: "/{rest:path}"}, upstream: catalog}
"""
)


class Catalog:
    """An example upstream as a process."""

    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "gateway.examples", "--catalog", str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def catalogs() -> Iterator[tuple[Catalog, Catalog]]:
    made = Catalog(), Catalog()
    yield made
    for each in made:
        each.kill()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, catalogs: tuple[Catalog, Catalog]) -> Iterator[Gateway]:
    text = CONFIG.replace("ONE", str(catalogs[0].port)).replace("TWO", str(catalogs[1].port))
    with running(tmp_path_factory.mktemp("upstreams"), text) as made:
        wait_until(lambda: states(made) == ["serving"] * 2 and "up for" in told(made)[0]["why"], "both are checked")
        yield made


@pytest.fixture(autouse=True)
def as_it_was(gateway: Gateway, catalogs: tuple[Catalog, Catalog]) -> Iterator[None]:
    yield
    for each in catalogs:
        assert patch(gateway, each, state="serve", weight=None)[0] == 200


def told(gateway: Gateway) -> list[dict[str, Any]]:
    (upstream,) = gateway.admin("/api/upstreams")[1]
    return upstream["targets"]


def states(gateway: Gateway) -> list[str]:
    return [target["state"] for target in told(gateway)]


def patch(gateway: Gateway, catalog: Catalog, headers: dict[str, str] | None = None, **change: Any) -> tuple[int, Any]:
    path = f"/api/upstreams/catalog/targets/{quote(catalog.address, safe='')}"
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.admin_port}{path}",
        json.dumps(change).encode(),
        {"X-Gateway-Admin": "1", "Content-Type": "application/json"} if headers is None else headers,
        method="PATCH",
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def shares(gateway: Gateway, asked: int = ASKED) -> dict[str, int]:
    """How many of `asked` requests, on connections of their own, went to each address; all must be answered."""
    target = f"/items/3?share={next(SHARES)}"  # its own: lines of requests before may still be on their way
    for _ in range(asked):
        assert get(gateway, target)[0] == 200

    def lines() -> list[dict[str, Any]]:
        found = (gateway.folder / "access.log").read_text().splitlines(keepends=True)
        found = [line for line in found if json.dumps(target) in line and line.endswith("\n")]
        return [json.loads(line) for line in found] if len(found) == asked else []

    found: dict[str, int] = {}
    for line in wait_until(lines, "every request is logged"):
        found[line["address"]] = found.get(line["address"], 0) + 1
    return found


def reload(gateway: Gateway) -> None:
    """Take a configuration that differs."""
    text = gateway.config.read_text()
    gateway.write(re.sub(r"attempts: (\d)", lambda found: f"attempts: {int(found[1]) + 1}", text))
    status, answer = gateway.admin("/api/reload", "POST")
    assert (status, answer["changed"]) == (200, True)


def test_both_are_asked_and_both_are_well(gateway: Gateway, catalogs: tuple[Catalog, Catalog]) -> None:
    found = shares(gateway)
    assert set(found) == {each.address for each in catalogs}
    (upstream,) = gateway.admin("/api/upstreams")[1]
    assert upstream["budget"]["requests"] >= ASKED, "counted over all workers"
    assert upstream["balance"] == "round_robin"


@pytest.mark.parametrize("state", ["drain", "disable"])
def test_no_worker_asks_a_target_that_is_drained_and_a_reload_keeps_it(
    gateway: Gateway, catalogs: tuple[Catalog, Catalog], state: str
) -> None:
    one, two = catalogs
    status, target = patch(gateway, one, state=state)
    assert (status, target["override"]["state"]) == (200, state)
    wait_until(lambda: set(shares(gateway, 10)) == {two.address}, "it is asked no more", 5)
    assert set(shares(gateway)) == {two.address}
    reload(gateway)
    assert set(shares(gateway)) == {two.address}
    assert told(gateway)[0]["state"] == target["state"] == {"drain": "draining", "disable": "disabled"}[state]
    assert patch(gateway, one, state="serve")[1]["state"] == "serving"
    wait_until(lambda: set(shares(gateway, 10)) == {one.address, two.address}, "it is asked again")


def test_a_weight_holds_for_every_worker(gateway: Gateway, catalogs: tuple[Catalog, Catalog]) -> None:
    one, two = catalogs
    assert patch(gateway, one, weight=9)[1]["weight"] == {"configured": 1, "effective": 9.0}
    wait_until(lambda: shares(gateway)[one.address] >= 0.8 * ASKED, "nine of ten go there")
    patch(gateway, one, weight=None)
    wait_until(lambda: abs(shares(gateway)[one.address] - ASKED / 2) <= 0.1 * ASKED, "half of them again")


def test_when_all_are_drained_there_is_no_target(gateway: Gateway, catalogs: tuple[Catalog, Catalog]) -> None:
    for each in catalogs:
        patch(gateway, each, state="drain")

    def refusals() -> set[str]:
        """The kinds of ten, once they are all refused: by both workers, each of which looks for itself every 20 ms."""
        answers = [get(gateway, "/items/3") for _ in range(10)]
        return {json.loads(body)["type"] for _, _, body in answers} if {each[0] for each in answers} == {503} else set()

    assert wait_until(refusals, "nothing is left") == {"urn:gateway:error:no-target"}


def test_a_target_dies_is_told_to_be_down_and_comes_back(gateway: Gateway, catalogs: tuple[Catalog, Catalog]) -> None:
    one, two = catalogs
    one.kill()
    try:
        assert set(shares(gateway)) == {two.address}, "who was sent to the dead one got another"
        target = wait_until(lambda: told(gateway)[0] if states(gateway)[0] == "down" else None, "it is down")
        assert target["why"].startswith("its health check got no answer; down for ")
        assert (target["health"]["state"], target["health"]["status"]) == ("down", None)
        wait_until(lambda: f"{one.address} of catalog is down" in gateway.output(), "it is told")
    finally:
        one.start()
    wait_until(lambda: states(gateway) == ["serving"] * 2, "it is up again")
    wait_until(lambda: set(shares(gateway, 10)) == {one.address, two.address}, "and asked")


def test_a_worker_that_dies_changes_nothing_of_it(gateway: Gateway, catalogs: tuple[Catalog, Catalog]) -> None:
    one, two = catalogs
    patch(gateway, one, state="drain")
    old = gateway.workers()
    subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(old[0])], check=True)
    wait_until(lambda: len(set(gateway.workers()) - {old[0]}) == 2, "another worker serves")
    assert set(shares(gateway)) == {two.address}
    assert told(gateway)[0]["state"] == "draining"


def test_who_may_not_and_what_is_not_there(gateway: Gateway, catalogs: tuple[Catalog, Catalog]) -> None:
    one = catalogs[0]
    assert patch(gateway, one, {}, state="drain")[1]["type"] == "urn:gateway:error:admin-header"
    assert patch(gateway, one, state="off")[1]["type"] == "urn:gateway:error:bad-change"
    assert gateway.admin("/api/upstreams/catalog/targets/127.0.0.1:1")[0] == 404
    body = b'{"state": "drain"}'
    head = b"PATCH /api/upstreams/catalog/targets/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Gateway-Admin: 1\r\n"
    proxy = Client(gateway.port).send(head % one.address.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert proxy.answer()[0] != 200, "not through `bind`"
    proxy.close()
    assert told(gateway)[0]["state"] == "serving"
