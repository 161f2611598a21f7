"""CPU and memory accounting against children whose use is known, and that nothing is left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest

from gateway.tuning.processes import STOPS, interrupted_once, tree_memory, undisturbed
from perf.procs import NotServing, Pinned, Server, ask, memory, session_cpu, session_memory, session_pids
from tests.support.gateway import wait_until
from tests.support.ports import free_port

BURN = """
import os, sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def say(path):
    with open(path + ".part", "w") as file: file.write(str(sum(os.times()[:4])))
    os.rename(path + ".part", path)
"""
AFTER = 0.05
"""CPU seconds that a child may use after it said how much it had used: those of writing a small file."""
REPLY = """
import socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    c, _ = s.accept(); c.recv(1000); c.sendall(b"HTTP/1.1 " + sys.argv[2].encode() + b" X\\r\\n\\r\\n"); c.close()
"""


@pytest.fixture
def start():
    servers = []

    def run(code, *args):
        command = [sys.executable, "-c", code, *args]
        servers.append(Server("child", command, min(os.sched_getaffinity(0)), subprocess.DEVNULL))
        return servers[-1]

    yield run
    for server in servers:
        server.stop()


def counted_and_said(server, *paths):
    """What is counted, and what the processes themselves say they used: it holds on a busy machine as well."""
    wait_until(lambda: all(path.exists() for path in paths), "all said it")
    return session_cpu(server.sid), sum(float(path.read_text()) for path in paths)


def test_cpu_of_a_busy_child(start, tmp_path):
    server = start(BURN + "burn(0.4); say(sys.argv[1]); time.sleep(60)", str(tmp_path / "done"))
    counted, said = counted_and_said(server, tmp_path / "done")
    assert said >= 0.39
    assert said - 0.02 <= counted <= said + AFTER


def test_cpu_of_children_and_of_children_that_ended(start, tmp_path):
    code = BURN + (
        "if not os.fork(): burn(0.3); os._exit(0)\n"
        "os.wait()\n"
        "if not os.fork(): burn(0.2); say(sys.argv[1] + '2'); time.sleep(60)\n"
        "say(sys.argv[1] + '1'); time.sleep(60)"
    )
    server = start(code, str(tmp_path / "done"))
    counted, said = counted_and_said(server, tmp_path / "done1", tmp_path / "done2")
    assert said >= 0.48
    assert said - 0.04 <= counted <= said + 2 * AFTER


def test_an_idle_child_uses_none(start, tmp_path):
    server = start(BURN + "say(sys.argv[1]); time.sleep(60)", str(tmp_path / "done"))
    counted, said = counted_and_said(server, tmp_path / "done")
    time.sleep(0.2)  # what is measured is that nothing happens
    assert said - 0.02 <= counted <= session_cpu(server.sid) <= said + AFTER


def test_memory_counts_what_a_child_holds(start, tmp_path):
    code = "import sys, time; b = b'x' * 50_000_000; open(sys.argv[1], 'w'); time.sleep(60)"
    server = start(code, str(tmp_path / "done"))
    wait_until((tmp_path / "done").exists, "it holds them")
    rss, pss = session_memory(server.sid)
    assert 50 < rss < 90 and 50 < pss <= rss
    assert memory(server.sid)[0] == pytest.approx(rss, abs=1)
    assert memory(2**22 + 1) == (0.0, 0.0)


def test_stop_ends_what_ignores_sigterm_and_its_children(start, tmp_path):
    code = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if not os.fork(): os.setpgid(0, 0)\n"
        "open(sys.argv[1] + str(os.getpid()), 'w'); time.sleep(60)"
    )
    server = start(code, str(tmp_path / "up-"))
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2, "both are there")
    assert len(session_pids(server.sid)) == 2
    server.stop(patience=0.1)
    assert session_pids(server.sid) == []


def test_ready_when_the_status_is_of_the_accepted_class(start):
    port = free_port()
    server = start(REPLY, str(port), "404")
    assert server.wait_ready(port, b"GET / HTTP/1.1\r\n\r\n", accept="24") > 0
    assert ask(port, b"GET / HTTP/1.1\r\n\r\n") == "HTTP/1.1 404 X"


def test_a_server_that_ends_is_said_at_once(start):
    port = free_port()
    with pytest.raises(NotServing, match="ended with status 3"):
        start("import sys; sys.exit(3)").wait_ready(port, b"GET / HTTP/1.1\r\n\r\n")


def test_pinned_children_run_on_that_core_only(start):
    core, before = max(os.sched_getaffinity(0)), os.sched_getaffinity(0)
    with Pinned(core):
        assert os.sched_getaffinity(0) == {core}
    assert os.sched_getaffinity(0) == before
    server = start("import time; time.sleep(60)")
    assert os.sched_getaffinity(server.sid) == {min(before)}


def test_a_process_of_any_name_is_no_obstacle(start, tmp_path):
    code = (
        "import ctypes, sys, time\n"
        "ctypes.CDLL(None).prctl(15, b'a) \\xff (b', 0, 0, 0)\n"  # PR_SET_NAME
        "open(sys.argv[1], 'w'); time.sleep(60)"
    )
    server = start(code, str(tmp_path / "named"))
    wait_until((tmp_path / "named").exists, "it has its name")
    assert session_pids(server.sid) == [server.sid] and session_cpu(server.sid) >= 0


def test_a_second_ctrl_c_does_not_disturb_the_end():
    before = [signal.getsignal(number) for number in STOPS]
    with undisturbed():
        for number in STOPS:
            os.kill(os.getpid(), number)
    assert [signal.getsignal(number) for number in STOPS] == before


TOLD_TWICE = """
import os, signal, sys
from gateway.tuning.processes import interrupted_once
asked = {signal.SIGHUP, signal.SIGTERM, signal.SIGINT}
for number in asked:
    signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may have them ignored
with interrupted_once():
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, asked)
        for number in asked:
            os.kill(os.getpid(), number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, asked)  # all come at once
    finally:
        sum(each for each in range(100_000))
        print("all is ended", flush=True)
"""


def test_who_is_told_to_end_three_times_at_once_ends_what_was_started():
    """With a handler that raises each time, the second exception is raised before anything is ended."""
    done = subprocess.run([sys.executable, "-c", TOLD_TWICE], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "all is ended\n"
    assert done.returncode == 128 + signal.SIGHUP and "Traceback" not in done.stderr


def test_what_was_heard_before_is_heard_after():
    before = [signal.getsignal(number) for number in STOPS]
    with interrupted_once():
        assert [signal.getsignal(number) for number in STOPS] != before
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
    assert [signal.getsignal(number) for number in STOPS] == before


def test_memory_of_a_tree_is_not_less_for_what_else_runs_beside_it(start, tmp_path):
    code = (
        "import mmap, os, sys, time\n"
        "shared = mmap.mmap(-1, 30_000_000); shared[:] = bytes(30_000_000)\n"
        "os.fork() or os.setpgid(0, 0)\n"
        "own = b'x' * 20_000_000; shared.find(b'x')\n"
        "open(sys.argv[1] + str(os.getpid()), 'w'); time.sleep(60)"
    )
    first = start(code, str(tmp_path / "a-"))
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2, "both hold them")
    alone = tree_memory(first.sid)
    assert 70 < alone < 100, "30 MB once and twice 20"
    others = [start("import sys, time; open(sys.argv[1], 'w'); time.sleep(60)", str(tmp_path / f"b-{n}")) for n in "12"]
    wait_until(lambda: len(list(tmp_path.iterdir())) == 4, "others run the same program")
    assert len(others) == 2 and tree_memory(first.sid) == pytest.approx(alone, abs=0.5)
