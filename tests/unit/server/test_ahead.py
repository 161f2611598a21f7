"""The first reading, in a fork: the document comes back, and so does every mistake."""

import subprocess
import sys
import time

import pytest

from tests.support.gateway import ROOT

SCRIPT = """
import sys
from gateway.config.diagnostics import ConfigError
from gateway.config.fork_reader import start_reading
{more}
try:
    read = start_reading(sys.argv[1])()
    print(len(read.document.routes), read.began_ns)
except ConfigError as error:
    print(error)
print(sorted({{"yaml", "jsonschema_rs"}} & set(sys.modules)))
"""


def read(config, more=""):
    """Lines that a process prints in which nothing else runs."""
    command = [sys.executable, "-c", SCRIPT.format(more=more), str(config)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("version: 1\nroutes:\n  - {name: a, match: {path: /a}, respond: {status: 200}}\n")
    return path


def test_the_document_comes_back_and_the_libraries_do_not(config):
    before = time.time_ns()
    found, modules = read(config)
    count, began = map(int, found.split())
    assert count == 1
    assert before < began < time.time_ns()
    assert modules == "[]"


def test_every_mistake_comes_back(config):
    config.write_text("version: 1\nroute: []\nserve: {}\n")
    *mistakes, modules = read(config)
    assert [line.split(": ")[1] for line in mistakes] == ["route", "serve"]
    assert modules == "[]"


def test_a_fork_that_dies_is_a_mistake_too(config):
    more = "import gateway.config.document\ngateway.config.document.load = lambda config: __import__('os')._exit(9)"
    assert read(config, more)[0] == f"{config}: the process that reads it ended early"


def test_a_fork_that_dies_in_mid_sentence_is_a_mistake_too(config):
    more = """
import os, pickle
def dump(found, stream, protocol):
    stream.write(pickle.dumps(found, protocol)[:-1000])
    stream.flush()
    os._exit(9)
import gateway.config.fork_reader as ahead
ahead.pickle = type("Cut", (), {"dump": dump, "loads": pickle.loads, "UnpicklingError": pickle.UnpicklingError})
"""
    assert read(config, more)[0] == f"{config}: the process that reads it ended early"
