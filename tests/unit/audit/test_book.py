"""Lines of several processes are one chain, in one file after the other."""

import fcntl
import multiprocessing
import os

import pytest

from gateway.observability.audit.chain import Head, entry, sign_entry
from gateway.observability.audit.verify import Verifier
from gateway.observability.audit.writer import AuditFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.log"


def add(path, *events, secret=b""):
    return AuditFile(str(path), secret).add([entry({"event": event}) for event in events])


def mistakes(*paths, secret=b""):
    verifier = Verifier(secret)
    for path in paths:
        verifier.take(path.name, path.read_bytes().splitlines(keepends=True))
    verifier.ends_at(paths[-1].name, Head.unpacked(paths[-1].with_name("audit.log.head").read_bytes()))
    return [str(each) for each in verifier.verdict().mistakes]


def _add_many(path, count):
    for number in range(count):
        while not add(path, f"{os.getpid()}-{number}"):
            pass


def test_many_processes_write_one_chain(path):
    processes = [multiprocessing.get_context("fork").Process(target=_add_many, args=(path, 50)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert path.read_text().count("\n") == 150
    assert mistakes(path) == []


def test_nobody_waits_for_the_lock(path):
    add(path, "one")
    with open(f"{path}.head", "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert add(path, "two") == 0
    assert add(path, "two") == 1
    assert mistakes(path) == []


def test_the_chain_goes_on_in_a_fresh_file(path):
    add(path, "one", "two")
    old = path.rename(path.with_name("audit.log.1"))
    add(path, "three")
    assert mistakes(old, path) == []


def test_the_chain_goes_on_after_a_head_was_lost(path, caplog):
    add(path, "one", "two")
    path.with_name("audit.log.head").unlink()
    add(path, "three")
    assert mistakes(path) == []
    assert "its head was gone" in caplog.text


def test_a_process_that_died_before_the_head(path):
    add(path, "one")
    kept = Head.unpacked(path.with_name("audit.log.head").read_bytes())
    with path.open("ab") as file:
        file.write(sign_entry(entry({"event": "two"}), kept, b"")[0])
    add(path, "three")
    assert mistakes(path) == []
    assert path.read_text().count("\n") == 3


def test_a_torn_line_stands_alone(path, caplog):
    add(path, "one")
    with path.open("ab") as file:
        file.write(b'{"seq":2,"ev')
    add(path, "two")
    assert mistakes(path) == ["audit.log:2: cut off: the line is not whole"]
    assert "by another hand" in caplog.text


def test_what_was_cut_off_stays_missing(path, caplog):
    add(path, "one", "two", "three")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1]))
    add(path, "four")
    assert mistakes(path) == ["audit.log:2: removed: 2 lines (seq 2 to 3) before seq 4 are missing"]
    assert "by another hand" in caplog.text


def test_a_full_disk_leaves_no_half_line(path, monkeypatch):
    add(path, "one")
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:10]))
    with pytest.raises(OSError, match="No space left"):
        add(path, "two")
    monkeypatch.undo()
    add(path, "two")
    assert mistakes(path) == []


def test_a_keyed_chain(path):
    add(path, "one", "two", secret=b"right")
    assert mistakes(path, secret=b"right") == []
    assert "can be checked with the secret alone" in mistakes(path)[0]


def test_it_is_for_owner_and_group(path):
    add(path, "one")
    assert path.stat().st_mode & 0o027 == 0
