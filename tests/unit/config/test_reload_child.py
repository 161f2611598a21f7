"""Reading a configuration in a child process: the same result as in this one, and a complaint whatever happens."""

import os
import pickle
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from gateway.config import reader_process as child
from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.config.reader_process import parse_in_subprocess

ROOT = Path(__file__).parents[3]
GOOD = "version: 1\nroutes:\n  - {name: a, match: {path: /a}, respond: {status: 200, body: 'B'}}\n"
PLUGIN = """
class Policy:
    name = "probe"
    after, before = "guard", None
    def compile(self, spec, tools):
        raise NotImplementedError

POLICIES = (Policy(),)
"""


@pytest.fixture
def config(tmp_path):
    return tmp_path / "gateway.yaml"


def read(config):
    return pickle.loads(parse_in_subprocess(str(config)))


def complaints(config, **options):
    with pytest.raises(ConfigError) as caught:
        parse_in_subprocess(str(config), **options)
    return [str(complaint) for complaint in caught.value.complaints]


def plugin(folder, monkeypatch, text):
    """A module that the configuration names and that runs `text` when it is imported."""
    (folder / "reload_probe.py").write_text(PLUGIN + textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(folder))
    (folder / "gateway.yaml").write_text(GOOD + "plugins: [reload_probe]\n")


def test_a_good_file_gives_the_document_that_loading_it_here_gives(config):
    config.write_text(GOOD)
    assert read(config) == load(config)


def test_the_environment_and_the_folder_are_those_of_this_process(config, monkeypatch):
    config.write_text(GOOD.replace("'B'", "'${env:RELOAD_PROBE}'"))
    monkeypatch.setenv("RELOAD_PROBE", "hello")
    monkeypatch.chdir(config.parent)
    document = read(config.name)
    assert document.file == config.name
    assert document.routes[0].respond.body == "hello"


def test_all_complaints_of_a_bad_file_and_its_name_come_back(config):
    config.write_text("version: 1\nroute: []\nserver: {bind: 7}\n")
    with pytest.raises(ConfigError) as here:
        load(config)
    with pytest.raises(ConfigError) as there:
        parse_in_subprocess(str(config))
    assert there.value.complaints == here.value.complaints
    assert len(there.value.complaints) == 2
    assert there.value.files == (str(config),)


def test_a_missing_file_is_a_complaint(config):
    assert complaints(config) == [f"{config}: cannot be read: no such file or directory"]


def test_what_only_compiling_finds_is_a_complaint(config, monkeypatch):
    plugin(config.parent, monkeypatch, "raise OSError('no licence')")
    (complaint,) = complaints(config)
    assert "no licence" in complaint


def test_a_child_that_dies_is_a_complaint_with_its_last_words(config, monkeypatch):
    plugin(config.parent, monkeypatch, "import os, sys; print('last words', file=sys.stderr, flush=True); os._exit(7)")
    assert complaints(config) == [f"{config}: the process that reads it failed: last words"]


def test_a_child_that_is_killed_in_silence_is_a_complaint(config, monkeypatch):
    plugin(config.parent, monkeypatch, "import os; os.kill(os.getpid(), 9)")
    assert complaints(config) == [f"{config}: the process that reads it failed: ended by signal 9"]


def test_a_child_that_ends_well_without_an_answer_is_a_complaint(config, monkeypatch):
    plugin(config.parent, monkeypatch, "import os; os._exit(0)")
    assert complaints(config) == [f"{config}: the process that reads it gave no answer"]


def test_a_child_that_hangs_is_ended(config, monkeypatch):
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self.pid)

    monkeypatch.setattr(child.subprocess, "Popen", Popen)
    plugin(config.parent, monkeypatch, "import time; time.sleep(600)")
    began = time.monotonic()
    assert complaints(config, timeout=1) == [f"{config}: reading it took longer than 1s, and was given up"]
    assert time.monotonic() - began < 3
    (pid,) = started
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_answer_that_is_too_large_is_a_complaint(config, monkeypatch):
    config.write_text(GOOD)
    monkeypatch.setattr(child, "ANSWER_MAX", 100)
    assert complaints(config) == [f"{config}: it is larger than 0 MB once it is read"]


def test_a_child_that_cannot_be_started_is_a_complaint(config, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert complaints(config) == [f"{config}: the process that reads it cannot be started: No such file or directory"]


def test_what_a_plugin_prints_and_the_threads_it_starts_do_no_harm(config, monkeypatch):
    plugin(
        config.parent,
        monkeypatch,
        """
        import os, threading, time
        print("hello" * 100_000)
        os.write(1, b"straight to the descriptor")
        threading.Thread(target=time.sleep, args=(600,)).start()
        """,
    )
    assert read(config).plugins == ("reload_probe",)


def test_modules_in_the_current_folder_are_not_imported(config, monkeypatch):
    config.write_text(GOOD)
    for name in ("yaml", "json", "pickle"):
        (config.parent / f"{name}.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(config.parent)
    monkeypatch.setattr(sys, "path", [entry or str(ROOT) for entry in sys.path])
    assert read(config).routes[0].name == "a"


def test_what_waiting_raises_ends_the_child_and_comes_through(config, monkeypatch):
    plugin(config.parent, monkeypatch, "import time; time.sleep(600)")
    children = []

    def popen(*args, **options):
        children.append(subprocess.Popen(*args, **options))
        return children[0]

    def waiting():
        raise KeyError("enough")

    monkeypatch.setattr(child, "subprocess", type("fake", (), {"Popen": popen, "DEVNULL": subprocess.DEVNULL}))
    with pytest.raises(KeyError, match="enough"):
        parse_in_subprocess(str(config), waiting=waiting)
    assert children[0].returncode == -9


def test_under_gevent_the_hub_goes_on_while_the_child_reads(config, monkeypatch):
    go = config.with_name("go")
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.005)"
    plugin(config.parent, monkeypatch, wait)
    script = """
        from gevent import monkey
        monkey.patch_all()
        import gevent, pathlib, pickle, sys
        sys.path.insert(0, sys.argv[3])
        from gateway.config.reader_process import parse_in_subprocess

        def turn():
            for _ in range(21):
                gevent.sleep(0.001)
            pathlib.Path(sys.argv[2]).touch()  # the child waits for it
        gevent.spawn(turn)
        document = pickle.loads(parse_in_subprocess(sys.argv[1]))
        print(document.routes[0].name)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(config), str(go), str(config.parent)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("a\n", "")
