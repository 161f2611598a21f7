"""Workers and the master are killed, added, taken away and replaced; what is left serves on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.drill import serving
from tests.support.gateway import ROOT, wait_until
from tests.support.operations import (
    Asker,
    Wrk,
    children,
    cpu_seconds,
    get,
    is_alive,
    page_of,
    resident,
    respond,
    running,
    runtime_folder,
    server,
)

GUNICORN = str(Path(sys.executable).with_name("gunicorn"))
ROUTES = "routes:\n"


def plan(version, workers=2):
    return server(workers) + ROUTES + respond(version)


def answers(gateway, version):
    status, headers, body = get(gateway, "/plan")
    return (status, headers.get("x-plan"), body) == (200, str(version), str(version).encode())


@pytest.fixture
def gateway(tmp_path):
    with running(tmp_path, plan("one")) as gateway:
        wait_until(lambda: len(gateway.workers()) == 2, "both workers are there")
        yield gateway


def replaced(gateway, gone, count=2, patience=30.0):
    """Wait until there are `count` serving workers and `gone` is none of them."""

    def is_so():
        found = serving(gateway)
        return len(found) == count and gone not in found

    wait_until(is_so, f"worker {gone} was replaced", patience)


def test_a_killed_worker_is_replaced_and_the_other_serves(gateway):
    victim, other = gateway.workers()
    asker = Asker(gateway.port, "/plan", 0.002)
    os.kill(victim, signal.SIGKILL)
    asker.start()
    replaced(gateway, victim)
    assert asker.stop().failures == []
    assert asker.count > 0
    page = page_of(gateway.pid)
    assert len(page.workers()) == 2, "its slot is free again"


def test_the_new_worker_runs_the_current_plan_though_the_file_is_bad(gateway):
    gateway.write(plan("two"))
    assert gateway.admin("/api/reload", "POST")[0] == 200
    current = gateway.admin("/readyz")[1]
    gateway.write("no: configuration\n")
    assert gateway.admin("/api/reload", "POST")[0] == 422
    victims = set(gateway.workers())
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(serving(gateway) - victims) == 2, "two other workers serve")
    for worker in gateway.admin("/api/workers")[1]:
        assert (worker["version"], worker["generation"]) == (current["version"], current["generation"])
    assert all(answers(gateway, "two") for _ in range(8))
    assert gateway.admin("/readyz")[1]["reload_errors"]


def test_the_leader_is_killed_in_the_middle_of_a_reload(gateway):
    """A module named under `plugins` makes reading the file slow; whoever reads it meanwhile is killed."""
    (gateway.folder / "slow_plugin.py").write_text("import time\ntime.sleep(3.0)\n")
    gateway.write(plan("two") + "plugins: [slow_plugin]\n")
    gateway.send(signal.SIGHUP)
    leader = wait_until(lambda: _reading(gateway), "a worker reads the file")
    gateway.write(plan("three"))
    os.kill(leader, signal.SIGKILL)
    wait_until(lambda: answers(gateway, "three"), "another worker took over")
    replaced(gateway, leader)
    page = page_of(gateway.pid)
    wait_until(lambda: {w.generation for w in page.workers()} == {page.generation.load()}, "all of them run it")


def _reading(gateway):
    return next((pid for pid in children(gateway.pid) if children(pid)), None)


def test_the_master_is_killed(gateway):
    pids = children(gateway.pid)
    folder = runtime_folder(gateway.pid)
    os.kill(gateway.pid, signal.SIGKILL)
    gateway.process.wait()
    wait_until(lambda: not any(map(is_alive, pids)), "its workers ended")
    gateway.start()
    assert answers(gateway, "one")
    assert not folder.exists(), "the next gateway sweeps what a killed one left"


@pytest.mark.thorough
def test_a_worker_that_hangs_is_replaced(tmp_path):
    # NOTE: on a busy machine a worker may take seconds to boot, which is not hanging.
    command = [GUNICORN, "-c", f"{ROOT}/conf/gunicorn.conf.py", "--timeout", "5"]
    with running(tmp_path, plan("one"), command=[*command, "gateway.server.wsgi:application"]) as gateway:
        wait_until(lambda: len(gateway.workers()) == 2, "both workers are there")
        victim = gateway.workers()[0]
        os.kill(victim, signal.SIGSTOP)
        replaced(gateway, victim, patience=40.0)
        wait_until(lambda: not is_alive(victim), "it has ended")


@pytest.mark.thorough
def test_more_and_fewer_workers(gateway):
    gateway.send(signal.SIGTTIN)
    wait_until(lambda: len(gateway.workers()) == 3, "TTIN adds one")
    asker = Asker(gateway.port, "/plan", 0.002)
    asker.start()
    for left in (2, 1):
        gateway.send(signal.SIGTTOU)
        wait_until(lambda left=left: len(gateway.workers()) == left, "TTOU takes one away")
    assert asker.stop().failures == []
    gateway.write(plan("two"))
    assert gateway.admin("/api/reload", "POST")[0] == 200
    assert answers(gateway, "two")


@pytest.mark.thorough
def test_a_worker_is_replaced_after_max_requests(tmp_path):
    with running(tmp_path, plan("one"), env={"GUNICORN_CMD_ARGS": "--max-requests 2000"},
                 command=[GUNICORN, "-c", f"{ROOT}/conf/gunicorn.conf.py",
                          "gateway.server.wsgi:application"]) as gateway:  # fmt: skip
        wait_until(lambda: len(gateway.workers()) == 2, "both workers are there")
        before = set(gateway.workers())
        asked = 0

        def both_were_replaced():
            nonlocal asked
            counts = Wrk(tmp_path, f"{gateway.url}/plan", 1, connections=64, check='body == "one"').result()
            asked += counts.pop("requests")
            assert counts == dict.fromkeys(counts, 0)
            return not before & set(gateway.workers())

        wait_until(both_were_replaced, "both were replaced")
        assert asked > 2 * 2000
        wait_until(lambda: page_of(gateway.pid).requests_total() >= asked, "the counters outlive the workers")
        assert "is replaced" in gateway.output()


@pytest.mark.thorough
def test_a_second_gateway_on_the_same_host(gateway, tmp_path):
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    with running(other_folder, plan("other")) as other:
        assert runtime_folder(other.pid) != runtime_folder(gateway.pid)
        wait_until(lambda: len(other.workers()) == 2, "both workers are there")
        assert set(other.workers()) & set(gateway.workers()) == set()
        other.write(plan("changed"))
        assert other.admin("/api/reload", "POST")[0] == 200
        assert answers(other, "changed")
        assert answers(gateway, "one")
        assert page_of(gateway.pid).generation.load() == 1
    assert answers(gateway, "one")
    assert runtime_folder(gateway.pid).is_dir()


@pytest.mark.thorough
def test_usr1_reopens_the_access_log(tmp_path):
    log = tmp_path / "access.log"
    config = plan("one", 2).replace('{format: "off"}', f"{{format: json, to: {log}}}")
    with running(tmp_path, config) as gateway:
        assert answers(gateway, "one")
        wait_until(lambda: log.read_text().count("\n") == 1, "the first line")
        log.rename(tmp_path / "access.log.1")
        gateway.send(signal.SIGUSR1)
        wait_until(log.exists, "the log is there again")

        def holds_old():
            links = [link for pid in gateway.workers() for link in Path(f"/proc/{pid}/fd").iterdir()]
            return any(os.path.realpath(link).endswith(".log.1") for link in links)  # also of what is closed meanwhile

        wait_until(lambda: not holds_old(), "every worker let the old file go")
        for _ in range(6):
            assert answers(gateway, "one")
        wait_until(lambda: log.read_text().count("\n") == 6, "the next lines are in the new file")
        assert (tmp_path / "access.log.1").read_text().count("\n") == 1


def quickstart():
    """conf/quickstart.yaml on other ports."""
    config = (ROOT / "conf" / "quickstart.yaml").read_text()
    config = config.replace("127.0.0.1:8000", "127.0.0.1:{port}").replace("127.0.0.1:8001", "127.0.0.1:{admin}")
    return config.replace("quickstart.pem", str(ROOT / "conf" / "quickstart.pem"))


#: what only some plans need
RARE = {"redis", "oauthlib", "opentelemetry", "grpc", "yaml", "jsonschema_rs", "jmespath"}


@pytest.mark.thorough  # what counts lines takes memory of its own
@pytest.mark.parametrize(
    ("config", "unwanted"),
    [(quickstart(), RARE - {"jmespath"}), (plan("one"), RARE | {"jwt", "cryptography", "lmdb"})],
    ids=["quickstart", "one route"],
)
def test_an_idle_worker_is_small_and_does_next_to_nothing(tmp_path, config, unwanted):
    """Modules that a plan does not use are not imported."""
    (tmp_path / "sitecustomize.py").write_text(_TELL_MODULES)
    with running(tmp_path, config, env={"PYTHONPATH": f"{ROOT}:{tmp_path}"}) as gateway:
        worker = gateway.workers()[0]
        wait_until(lambda: gateway.admin("/healthz")[0] == 200, "it answers")
        before = cpu_seconds(worker)
        began = time.monotonic()
        time.sleep(2.0)  # what is measured is that nothing happens
        share = (cpu_seconds(worker) - before) / (time.monotonic() - began)
        assert share < 0.05
        assert resident(worker) < 60e6
        os.kill(worker, signal.SIGURG)
        told = tmp_path / f"modules-{worker}"
        wait_until(told.exists, "the worker told its modules")
        loaded = set(told.read_text().split())
    assert "gateway.server.worker" in loaded
    assert loaded & unwanted == set()


_TELL_MODULES = """
import os, signal, sys

def tell(number, frame):
    with open(f"modules-{os.getpid()}.new", "w") as file:
        file.write(" ".join(list(sys.modules)))
    os.rename(f"modules-{os.getpid()}.new", f"modules-{os.getpid()}")

signal.signal(signal.SIGURG, tell)
"""


@pytest.mark.thorough
@pytest.mark.parametrize(("hard", "is_said"), [(256, True), (8192, False)])
def test_too_few_file_descriptors_are_raised_or_said(tmp_path, hard, is_said):
    """A soft limit is raised up to the hard one, which only root may raise, and here root may not either."""
    command = f'ulimit -Sn 256 && ulimit -Hn {hard} && exec "$0" -m gateway.cli serve -c gateway.yaml'
    with running(tmp_path, plan("one"), command=["bash", "-c", command, sys.executable]) as gateway:
        worker = gateway.workers()[0]
        limits = subprocess.run(["grep", "open files", f"/proc/{worker}/limits"], capture_output=True, text=True).stdout
        given = int(limits.split()[3])
        if is_said:
            assert ("may need" in gateway.output()) is (given == 256)  # CAP_SYS_RESOURCE raises it all the same
        else:
            assert given > 4000
            assert "may need" not in gateway.output()
        assert answers(gateway, "one")
