"""USR2 where the memory that may be used is another one by then: both masters use the store files as of one size."""

import json
import signal
import subprocess
import sys

import pytest

from gateway.state.memory_store import MemoryStore
from tests.support.gateway import ROOT, wait_until
from tests.support.operations import children, running, runtime_folder

pytestmark = pytest.mark.timed

CONFIG = """
version: 1
server: {bind: "127.0.0.1:{port}", admin: "127.0.0.1:{admin}", workers: 1, graceful_timeout: 5s}
auth: {partners: {api_key: {from: header:X-API-Key, stored: true, consumers: {}}}}
routes: [{name: item, match: {path: /item}, respond: {status: 200}, auth: {use: partners}}]
"""
#: a machine whose memory is what a file says, when a process begins
MACHINE = """
import os
real, pages = os.sysconf, int(open("FILE").read()) >> 12
os.sysconf = lambda name: {"SC_PHYS_PAGES": pages, "SC_PAGE_SIZE": 4096}.get(name) or real(name)
"""
SMALL, LARGE = 256 << 20, 1 << 30
PIECE = 1 << 19


def make_key(gateway, name):
    line = [sys.executable, "-m", "gateway.cli", "keys", "create", name, "--format", "json", "-c", str(gateway.config)]
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)["id"]


def fill(folder, size, capacity):
    """As much that has no end, as a gateway of many sessions and keys might keep."""
    store = MemoryStore(folder, capacity=capacity)
    for number in range(size // PIECE):
        store.set(b"filling:%d" % number, bytes(PIECE), None)
    store.close()


@pytest.mark.parametrize(
    ("before", "after", "held", "words"),
    [
        (LARGE, SMALL, 32 << 20, "a store 64 MB as before the upgrade (after a restart 16 MB)"),
        (SMALL, LARGE, 1 << 20, "a store 16 MB as before the upgrade (after a restart 64 MB)"),
    ],
)
def test_the_store_keeps_its_size(tmp_path, before, after, held, words):
    machine = tmp_path / "memory"
    machine.write_text(str(before))
    (tmp_path / "sitecustomize.py").write_text(MACHINE.replace("FILE", str(machine)))
    with running(tmp_path, CONFIG, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}) as gateway:
        folder = runtime_folder(gateway.pid)
        fill(folder, held, max(before // 16, 16 << 20))
        first = make_key(gateway, "first")
        machine.write_text(str(after))
        old = set(gateway.workers())
        gateway.send(signal.SIGUSR2)
        wait_until(lambda: len(set(gateway.workers()) - old) == 1, "the new worker serves")
        gateway.send(signal.SIGWINCH)
        wait_until(lambda: not set(gateway.workers()) & old, "the old worker has ended")
        assert words in gateway.output()
        second = make_key(gateway, "second")
        assert {each["id"] for each in gateway.admin("/api/keys")[1]} == {first, second}
        assert sum(1 for _ in MemoryStore(folder).scan(b"filling:")) == held // PIECE, "nothing was thrown out"
        wait_until(lambda: len(children(gateway.pid)) == 1, "of the old master's children only the new one is left")
