"""USR2: a new master beside the old one, on the same sockets and the same page; then one of the two goes."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.drill import serving
from tests.support.gateway import PATIENCE, wait_until
from tests.support.operations import (
    Asker,
    Wrk,
    children,
    get,
    is_alive,
    page_of,
    respond,
    running,
    runtime_folder,
    server,
)

pytestmark = pytest.mark.timed

COMMAND = [str(Path(sys.executable).with_name("gateway")), "serve", "-c", "gateway.yaml"]


def plan(version, workers=2):
    return server(workers) + "routes:\n" + respond(version)


@pytest.fixture
def gateway(tmp_path):
    with running(tmp_path, plan("one"), command=COMMAND) as gateway:
        wait_until(lambda: len(serving(gateway)) == 2, "both workers serve")
        yield gateway


def upgraded(gateway):
    """The pid of a new master, once its workers serve beside those of the old one."""
    before = set(gateway.workers())
    gateway.send(signal.SIGUSR2)
    wait_until(lambda: len(serving(gateway)) == len(before) + 2, "four workers serve")
    (new,) = [pid for pid in children(gateway.pid) if pid not in before]
    # NOTE: the one that observes has no name of its own yet when it begins.
    wait_until(lambda: set(children(new)) == serving(gateway) - before, "the others are the new master's")
    return new


def answers(gateway):
    return {get(gateway, "/plan")[2] for _ in range(8)}


def test_upgrade_under_load(gateway, tmp_path):
    """wrk sees nothing of USR2, WINCH and QUIT; page, counters, generation and directory are the same ones."""
    old = gateway.pid
    folder, page = runtime_folder(old), page_of(old)
    asker = Asker(gateway.port, "/plan", 0.002)
    asker.start()
    wrk = Wrk(tmp_path, f"{gateway.url}/plan", 3, connections=8, check='body == "one" or body == "two"')
    generation = page.generation.load()
    gateway.write(plan("two"))
    wait_until(lambda: page.requests_total() > 100, "requests are counted")
    counted = page.requests_total()
    new = upgraded(gateway)
    assert runtime_folder(new) == folder
    theirs = page_of(new)  # a reload may come between two looks
    wait_until(lambda: theirs.generation.load() == page.generation.load() > generation, "it is the same page")
    assert page.requests_total() >= counted
    wait_until(lambda: answers(gateway) == {b"two"}, "both masters' workers run what the file says now")
    gateway.send(signal.SIGWINCH)
    wait_until(lambda: serving(gateway) == set(children(new)), "the old workers have ended")
    assert is_alive(old), "the old master waits"
    gateway.send(signal.SIGQUIT)
    gateway.process.wait(PATIENCE)
    assert folder.is_dir(), "it is the new master's now"
    assert asker.stop().failures == []
    counts = wrk.result()
    assert counts.pop("requests") > 1000
    assert counts == dict.fromkeys(counts, 0)
    gateway.write(plan("three"))
    assert gateway.admin("/api/reload", "POST")[0] == 200
    assert answers(gateway) == {b"three"}
    os.kill(new, signal.SIGTERM)
    wait_until(lambda: not is_alive(new), "the new master ended")
    assert not folder.exists()


@pytest.mark.parametrize("with_winch", [False, True])
def test_back_again(gateway, tmp_path, with_winch):
    """The new master ends, the old one goes on; after WINCH, HUP brings its workers back first."""
    folder = runtime_folder(gateway.pid)
    asker = Asker(gateway.port, "/plan", 0.002)
    asker.start()
    new = upgraded(gateway)
    if with_winch:
        gateway.send(signal.SIGWINCH)
        wait_until(lambda: serving(gateway) == set(children(new)), "the old workers have ended")
        gateway.send(signal.SIGHUP)
        wait_until(lambda: len(serving(gateway)) == 4, "the old master has workers again")
    os.kill(new, signal.SIGTERM)
    wait_until(lambda: not is_alive(new), "the new master ended")
    wait_until(lambda: serving(gateway) == set(children(gateway.pid)), "only the old workers serve")
    assert asker.stop().failures == []
    assert folder.is_dir()
    gateway.write(plan("two"))
    assert gateway.admin("/api/reload", "POST")[0] == 200
    assert answers(gateway) == {b"two"}


def test_the_old_master_serves_again_when_the_new_one_dies(gateway):
    new = upgraded(gateway)
    gateway.send(signal.SIGWINCH)
    wait_until(lambda: serving(gateway) == set(children(new)), "the old workers have ended")
    os.kill(new, signal.SIGKILL)
    wait_until(lambda: len(children(gateway.pid)) == 2, "the old master has workers again")
    wait_until(gateway.is_ready, "it serves")
    assert answers(gateway) == {b"one"}


def test_a_file_that_is_bad_stops_the_upgrade(gateway):
    gateway.write("version: 2\n")
    before = serving(gateway)
    gateway.send(signal.SIGUSR2)
    wait_until(lambda: "the newer master has ended" in gateway.output(), "the new master gave up")
    assert "version" in gateway.output()
    wait_until(lambda: serving(gateway) == before, "the workers are those of before")
    assert answers(gateway) == {b"one"}
    gateway.write(plan("two"))
    new = upgraded(gateway)
    assert is_alive(new)


def test_winch_alone_means_nothing(gateway):
    """A terminal sends it whenever its window changes."""
    before = serving(gateway)
    gateway.send(signal.SIGWINCH)
    gateway.send(signal.SIGHUP)
    wait_until(lambda: "SIGHUP" in gateway.output(), "both were seen")
    wait_until(lambda: serving(gateway) == before, "the workers are those of before")
