"""The runtime directory: private, handed over, gone with the last master."""

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.state import RuntimeDir
from gateway.state import runtime_dir as runtime

ROOT = Path(__file__).parents[2]

MASTER = """
import os, sys
from pathlib import Path
from gateway.state import RuntimeDir
directory = RuntimeDir.from_env(os.environ) or RuntimeDir.create(Path(sys.argv[1]))
print(directory.path, flush=True)
for line in sys.stdin:
    if line == "upgrade\\n":
        if not os.fork():
            os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **directory.handover_env()})
    elif line == "worker\\n":
        ready, told = os.pipe()
        if not os.fork():
            print("worker", flush=True)
            os.close(0), os.close(1), os.close(told), os.read(ready, 1)
            os._exit(0)
        os.close(ready)
    elif line == "end\\n":
        directory.release()
        print("released", flush=True)
        break
"""


class Master:
    """A process that owns a runtime directory and does what it is told."""

    def __init__(self, base):
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", MASTER, str(base)], env=environ,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.path = Path(self.process.stdout.readline().strip())

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def end(self):
        self.tell("end")
        self.wait()

    def kill(self):
        self.process.kill()
        self.wait()

    def wait(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


@pytest.fixture
def master(tmp_path):
    made = Master(tmp_path)
    yield made
    if made.process.poll() is None:
        made.kill()


def test_the_directory_is_private(tmp_path):
    made = RuntimeDir.create(tmp_path)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o700
    assert made.path.name.startswith(f"gateway-{os.geteuid()}-")
    (made.path / "plan").write_bytes(b"x")
    made.release()
    assert not made.path.exists()


def test_two_gateways_do_not_meet(tmp_path):
    one, two = RuntimeDir.create(tmp_path), RuntimeDir.create(tmp_path)
    assert one.path != two.path
    one.release()
    assert two.path.exists()
    two.release()


def test_the_default_is_memory():
    made = RuntimeDir.create()
    assert made.path.parent in (Path("/dev/shm"), Path("/tmp"))
    made.release()


def test_without_shm_it_is_the_temporary_directory(monkeypatch, tmp_path):
    monkeypatch.setattr(runtime, "_SHM", tmp_path / "missing")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = RuntimeDir.create()
    assert made.path.parent == tmp_path
    made.release()


def test_a_living_master_keeps_its_directory(master, tmp_path):
    assert runtime.sweep(tmp_path) == 0
    assert master.path.is_dir()
    master.end()
    assert not master.path.exists()


def test_what_a_killed_master_left_is_swept_at_the_next_start(master, tmp_path):
    (master.path / "store.mdb").write_bytes(b"x")
    master.kill()
    assert master.path.is_dir()
    made = RuntimeDir.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [made.path.name]
    made.release()


def test_a_worker_that_lives_on_does_not_keep_it(master):
    master.tell("worker")
    assert master.process.stdout.readline() == "worker\n"
    master.end()
    assert not master.path.exists()


def test_the_directory_outlives_the_master_that_made_it(master, tmp_path):
    """USR2: the new master has the same directory, the old one ends, then the new one."""
    master.tell("upgrade")
    assert Path(master.process.stdout.readline().strip()) == master.path
    master.tell("end")  # one of the two reads it; the other goes on with the same pipe
    assert master.process.stdout.readline() == "released\n"
    assert runtime.sweep(tmp_path) == 0
    assert master.path.is_dir()
    master.tell("end")
    assert master.process.stdout.read() == "released\n"
    assert not master.path.exists()
    master.wait()


def test_nothing_is_handed_over():
    assert RuntimeDir.from_env({}) is None


@pytest.mark.parametrize("value", ["", "x", "3", "3:relative", "-1:/tmp", "9999:/tmp", "0:/tmp", ":"])
def test_a_handover_that_leads_nowhere(value):
    assert RuntimeDir.from_env({runtime.HANDOVER: value}) is None


def test_a_directory_that_went_before_the_new_master_came(tmp_path):
    made = RuntimeDir.create(tmp_path)
    environ = made.handover_env()
    copy = os.dup(int(environ[runtime.HANDOVER].partition(":")[0]))
    made.release()
    for left in tmp_path.iterdir():
        runtime.shutil.rmtree(left)
    assert RuntimeDir.from_env({runtime.HANDOVER: f"{copy}:{made.path}"}) is None
    os.close(copy)


def test_a_directory_that_is_being_swept_is_not_used(tmp_path):
    assert runtime._lock_shared(tmp_path / "gone") is None
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert runtime._lock_shared(tmp_path) is None


def test_a_sweep_between_making_and_locking_costs_a_second_try(tmp_path, monkeypatch):
    lock_shared = runtime._lock_shared
    swept = []

    def sweep_first(path):
        if not swept:
            swept.append(runtime.sweep(tmp_path))
        return lock_shared(path)

    monkeypatch.setattr(runtime, "_lock_shared", sweep_first)
    made = RuntimeDir.create(tmp_path)
    assert swept == [1]
    assert list(tmp_path.iterdir()) == [made.path]
    made.release()


def test_a_removed_directory_is_not_handed_over(tmp_path):
    made = RuntimeDir.create(tmp_path)
    made.release()
    assert made.handover_env() == {}


def test_links_and_files_of_others_are_left_alone(tmp_path):
    base, other = tmp_path / "base", tmp_path / "other"
    base.mkdir(), other.mkdir()
    (other / "precious").write_bytes(b"x")
    (base / f"gateway-{os.geteuid()}-link").symlink_to(other)
    (base / f"gateway-{os.geteuid()}-file").write_bytes(b"x")
    (base / "gateway-99999999-other").mkdir()
    assert runtime.sweep(base) == 0
    assert (other / "precious").exists()
    assert len(list(base.iterdir())) == 3


def test_what_the_first_says_holds_for_all(tmp_path):
    first = RuntimeDir.create(tmp_path)
    assert first.agree("room", 7) == 7
    assert first.agree("room", 8) == 7
    assert first.agree("other", 8) == 8
    assert sorted(path.name for path in first.path.iterdir()) == ["lock", "other", "room"]
    first.release()


def test_a_folder_is_private_and_made_once(tmp_path):
    directory = RuntimeDir.create(tmp_path)
    assert directory.folder("cache") == directory.folder("cache") == directory.path / "cache"
    assert stat.S_IMODE((directory.path / "cache").stat().st_mode) == 0o700
    directory.release()
