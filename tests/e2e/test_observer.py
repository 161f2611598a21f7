"""The process that observes: born with the master, born again when it dies, gone when the master is."""

import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.support.gateway import ROOT, wait_until
from tests.support.operations import (
    children,
    descendants,
    get,
    is_alive,
    observer,
    resident,
    respond,
    running,
    runtime_folder,
    server,
)

GUNICORN = [str(Path(sys.executable).with_name("gunicorn")), "-c", f"{ROOT}/conf/gunicorn.conf.py"]
BY_HAND = [*GUNICORN, "gateway.server.wsgi:application"]
COMMAND = [str(Path(sys.executable).with_name("gateway")), "serve", "-c", "gateway.yaml"]


def plan(workers=2, observability="", server_more=""):
    text = server(workers, server_more) + "routes:\n" + respond("one")
    return text.replace('{access_log: {format: "off"}}', '{access_log: {format: "off"}' + observability + "}")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("observer"), plan(), command=COMMAND) as gateway:
        observing(gateway)
        yield gateway


@pytest.fixture
def fresh(tmp_path):
    with running(tmp_path, plan(1), command=COMMAND) as gateway:
        yield gateway


def overview(gateway):
    status, body = gateway.admin("/api/overview?range=1m")
    return body if status == 200 else None


def observing(gateway):
    """Its first word."""
    return wait_until(lambda: overview(gateway), f"the overview:\n{gateway.output()}")


def requests(gateway):
    """Good ones of the route, as Prometheus is told."""
    text = gateway.admin("/metrics")[1].decode()
    return int(re.search(r'^http_server_requests_total{route="plan",.*status_class="2xx"} (\d+)$', text, re.M)[1])


def counted(gateway):
    return (overview(gateway) or {"total": {"requests": -1}})["total"]["requests"]


def test_it_counts_for_all_workers(gateway):
    for _ in range(20):
        assert get(gateway, "/plan")[0] == 200
    assert get(gateway, "/nowhere")[0] == 404
    wait_until(lambda: counted(gateway) == 21, "all are counted", 5)
    told = observing(gateway)
    assert {row["name"]: row["requests"] for row in told["routes"] if row["requests"]} == {"plan": 20, "": 1}
    assert told["total"]["classes"] == {"2xx": 20, "4xx": 1}
    wait_until(lambda: len([w for w in observing(gateway)["workers"] if w.get("descriptors")]) == 2, "vitals of two")
    worker = observing(gateway)["workers"][0]
    assert worker["pid"] in children(gateway.pid)
    assert 0 <= worker["loop_lag_ms"] < 5000

    def shown():
        status, series = gateway.admin("/api/history?range=5m&route=plan")
        counted = status == 200 and sum(count for step in series["heatmap"] for _, count in step)
        return series if counted == 20 else None

    series = wait_until(shown, "all of them are in the history")
    assert any(series["requests_per_second"])
    assert len(series["edges_ms"]) == 40
    assert gateway.admin("/api/history?range=7m")[0] == 422
    status, problem = gateway.admin("/api/history?route=plam")
    assert (status, problem["detail"]) == (404, "There is no route 'plam': did you mean `plan`? there are: plan.")


def test_under_gunicorn_by_hand_it_is_there_too(tmp_path):
    with running(tmp_path, plan(1), command=BY_HAND) as gateway:
        observing(gateway)
        get(gateway, "/plan")
        wait_until(lambda: counted(gateway) == 1, "it is counted", 5)
        assert observer(gateway.pid) in descendants(gateway.pid)


def test_it_holds_nothing_that_it_does_not_need(gateway):
    pid = observer(gateway.pid)
    links = [_link(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    listening = {
        line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    }
    assert not [link for link in links if link.removeprefix("socket:[").removesuffix("]") in listening]
    assert any("memfd:gateway-page" in link for link in links)
    assert resident(pid) < 90e6
    socket_file = runtime_folder(gateway.pid) / "observer.sock"
    assert socket_file.stat().st_mode & 0o777 == 0o600


def test_killed_it_comes_again_and_requests_never_notice(gateway):
    first = observer(gateway.pid)
    before = requests(gateway)
    os.kill(first, signal.SIGKILL)
    assert get(gateway, "/plan")[0] == 200
    wait_until(lambda: gateway.admin("/metrics")[0] == 503 or observer(gateway.pid), "it is missed")
    second = wait_until(lambda: (found := observer(gateway.pid)) and found != first and found, "another one")
    observing(gateway)
    assert second != first
    assert f"the observer (pid {first}) ended" in gateway.output()
    wait_until(lambda: requests(gateway) == before + 1, "what workers count outlives who reads it")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL])
def test_it_ends_with_the_master(fresh, number):
    gateway = fresh
    wait_until(lambda: observer(gateway.pid), "it is there")
    pid, folder = observer(gateway.pid), runtime_folder(gateway.pid)
    gateway.send(number)
    gateway.process.wait(10)
    wait_until(lambda: not is_alive(pid), "it has ended", 5)
    if number != signal.SIGKILL:
        assert not folder.exists()
    assert "Traceback" not in gateway.output()


def test_signals_of_a_terminal_are_the_masters(gateway):
    pid = observer(gateway.pid)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGWINCH, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(pid, number)
    observing(gateway)
    assert observer(gateway.pid) == pid


def test_a_reload_is_followed(gateway):
    before = observing(gateway)["gateway"]
    gateway.write(plan().replace("name: plan", "name: other"))
    assert gateway.admin("/api/reload", "POST")[0] == 200
    after = wait_until(lambda: (now := observing(gateway)["gateway"])["plan"] != before["plan"] and now, "another plan")
    assert after["generation"] > before["generation"]
    gateway.write("version: 1\nroutes: nothing\n")
    assert gateway.admin("/api/reload", "POST")[0] == 422
    wait_until(lambda: observing(gateway)["gateway"]["config_mistakes"] > 0, "a refused file is told")


def test_who_looks_away_ends_what_streams(gateway):
    pid = observer(gateway.pid)
    before = sockets(pid)
    clients = [socket.create_connection(("127.0.0.1", gateway.admin_port)) for _ in range(3)]
    for client in clients:
        client.settimeout(5)
        client.sendall(b"GET /api/live?range=5m HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        text = b""
        while b"data: " not in text:
            text += client.recv(65536)
        assert text.startswith(b"HTTP/1.1 200"), "the first event comes at once"
    theirs = sockets(pid) - before  # of those before, some may have been about to be closed
    assert len(theirs) >= 3
    for client in clients:
        client.close()
    wait_until(lambda: not theirs & sockets(pid), "their connections to the observer are closed", 5)


def sockets(pid):
    """What they are called, each by its number."""
    return {name for link in Path(f"/proc/{pid}/fd").iterdir() if "socket" in (name := _link(link))}


def _link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def number_of(path):
    """Of a file, which another of its name does not have; 0 for none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def test_after_usr2_each_master_has_its_own_and_the_newer_one_tells(fresh):
    gateway = fresh
    observing(gateway)
    get(gateway, "/plan")
    wait_until(lambda: counted(gateway) == 1, "the old one counts", 5)
    old = observer(gateway.pid)
    path = runtime_folder(gateway.pid) / "observer.sock"
    before = number_of(path)
    gateway.send(signal.SIGUSR2)

    def newer():
        found = [pid for pid in children(gateway.pid) if observer(pid)]
        return found[0] if found else None

    master = wait_until(newer, "a new master with an observer of its own")
    taken = wait_until(lambda: (found := number_of(path)) != before and found, "the newer one has the name")
    assert is_alive(old)
    assert b'http_server_requests_total{route="plan"' in wait_until(
        lambda: (answer := gateway.admin("/metrics"))[0] == 200 and answer[1], "counts are kept"
    )
    os.kill(master, signal.SIGKILL)
    wait_until(lambda: (found := number_of(path)) != taken and found, "the old one tells again")
    observing(gateway)
    assert observer(gateway.pid) == old


def test_nobody_observes_where_nothing_is_asked_for(tmp_path):
    off = ', metrics: "off", dashboard: false'
    with running(tmp_path, plan(observability=off), command=COMMAND) as gateway:
        wait_until(lambda: len(gateway.workers()) == 2, "two workers")
        assert observer(gateway.pid) is None
        status, body = gateway.admin("/metrics")
        assert (status, body["type"]) == (503, "urn:gateway:error:observer-unavailable")
        gateway.write(plan())
        status, body = gateway.admin("/api/reload", "POST")
        assert (status, [each["path"] for each in body["errors"]]) == (422, ["observability"])
