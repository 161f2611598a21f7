"""Sinks: batches, rotation, slow readers, and destinations of every kind."""

import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from gateway._fast.access_log_line import JsonLine
from gateway.observability import log_writer as sinks
from gateway.observability.access_log import SECRETS
from gateway.observability.log_writer import LogWriters, Sink
from tests.exchanges import exchange
from tests.support.greenlets import until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def opened() -> Iterator[list[Sink]]:
    made: list[Sink] = []
    yield made
    for sink in made:
        sink.close(0.0)


def logged(sink: Sink, *identities: str) -> None:
    line = JsonLine(sink.batch, (), SECRETS)
    for identity in identities:
        line(exchange(request_id=identity))


def said(text: bytes | str) -> list[str]:
    return [json.loads(line).get("id", "dropped") for line in text.splitlines()]


def test_lines_are_written_in_a_batch_a_moment_later(tmp_path: Path, opened: list[Sink]) -> None:
    file = tmp_path / "access.log"
    opened.append(sink := Sink(str(file)))
    logged(sink, "a", "b")
    assert file.read_bytes() == b""
    until(lambda: file.stat().st_size)
    assert said(file.read_bytes()) == ["a", "b"]
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_full_batch_is_written_at_once(tmp_path: Path, opened: list[Sink]) -> None:
    file = tmp_path / "access.log"
    opened.append(sink := Sink(str(file)))
    while not file.stat().st_size:
        logged(sink, "a")
    assert sinks.FULL <= file.stat().st_size < sinks.FULL + 1000
    assert len(sink.batch) == 0


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    for identity in ("a", "b"):
        sink = Sink(str(file))
        logged(sink, identity)
        sink.close()
        sink.close()
    assert said(file.read_bytes()) == ["a", "b"]


def test_after_rotation_lines_go_to_a_new_file(tmp_path: Path, opened: list[Sink]) -> None:
    file, old = tmp_path / "access.log", tmp_path / "access.log.1"
    opened.append(sink := Sink(str(file)))
    logged(sink, "a")
    file.rename(old)
    logged(sink, "b")
    sink.reopen()
    logged(sink, "c")
    sink.flush()
    assert (said(old.read_bytes()), said(file.read_bytes())) == (["a", "b"], ["c"])


def test_a_file_that_cannot_be_reopened_is_written_on(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    all_sinks = LogWriters()
    sink = all_sinks.get(str(folder / "access.log"))
    assert all_sinks.get(str(folder / "access.log")) is sink
    moved = folder.rename(tmp_path / "moved")
    assert all_sinks.reopen() == [f"cannot reopen {folder}/access.log: No such file or directory"]
    logged(sink, "a")
    all_sinks.close()
    assert said((moved / "access.log").read_bytes()) == ["a"]


def test_what_cannot_be_opened_is_said() -> None:
    with pytest.raises(FileNotFoundError):
        Sink("/nowhere/access.log")


def test_dev_null_takes_all(opened: list[Sink]) -> None:
    opened.append(sink := Sink("/dev/null"))
    logged(sink, "a")
    sink.flush()
    assert len(sink.batch) == 0


def test_a_full_disk_loses_lines_and_says_so_once(opened: list[Sink], caplog: pytest.LogCaptureFixture) -> None:
    opened.append(sink := Sink("/dev/full"))
    for lost in range(1, 5):
        logged(sink, "a")
        sink.flush()
        assert (len(sink.batch), sink.batch.dropped) == (0, lost)
    assert [record.message for record in caplog.records] == [
        "the access log is lost until /dev/full takes it again: No space left on device"
    ]


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[tuple[str, int]]:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield str(path), reader
    os.close(reader)


def read_all(reader: int) -> bytes:
    data = b""
    try:
        while piece := os.read(reader, 1 << 20):
            data += piece
    except BlockingIOError:
        pass
    return data


def test_a_stalled_reader_stops_nobody_and_is_told_what_it_missed(fifo: tuple[str, int]) -> None:
    path, reader = fifo
    sink = Sink(path, limit=50_000)
    sent = 0
    while not sink.batch.dropped:
        logged(sink, f"{sent}")
        sent += 1
    got = read_all(reader)
    while len(sink.batch):
        gevent.sleep(0.005)
        got += read_all(reader)
    logged(sink, "late")
    sink.close()
    got += read_all(reader)
    assert said(got) == [*(str(number) for number in range(sent - 1)), "dropped", "late"]
    assert b'"dropped":1}' in got


def test_a_pipe_gets_whole_lines_in_pieces_that_stay_whole(fifo: tuple[str, int]) -> None:
    path, reader = fifo
    sink = Sink(path)
    assert sink._outlet is not None
    assert sink._outlet.chunk == 4096
    logged(sink, *("a" * 20 for _ in range(30)))
    assert len(chunk := sink.batch.chunk(4096)) <= 4096
    assert chunk.endswith(b"\n")
    sink.close()
    assert len(said(read_all(reader))) == 30


def test_a_reader_that_is_gone_loses_lines_not_the_worker(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = Sink(str(path))
    os.close(reader)
    logged(sink, "a")
    sink.close()
    assert "Broken pipe" in caplog.text
    assert "1 lines of the access log" in caplog.text


@pytest.fixture
def stdout() -> Iterator[int]:
    """Stand something else in for descriptor 1."""
    saved = os.dup(1)
    yield 1
    os.dup2(saved, 1)
    os.close(saved)


def test_stdout_as_a_pipe_keeps_its_flags(stdout: int, capfd) -> None:
    reader, writer = os.pipe()
    with capfd.disabled():
        os.dup2(writer, stdout)
        sink = Sink("stdout")
        logged(sink, "a")
        sink.close()
        flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    assert said(os.read(reader, 1 << 16)) == ["a"]
    assert not flags & os.O_NONBLOCK
    os.close(reader)
    os.close(writer)


def test_stdout_as_a_pipe_of_another_user(stdout: int, capfd, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be opened anew; a full one must not block all the same."""
    reader, writer = os.pipe()

    def refused(*args: object) -> int:
        raise PermissionError(13, "Permission denied")

    with capfd.disabled():
        os.dup2(writer, stdout)
        monkeypatch.setattr(sinks.os, "open", refused)
        sink = Sink("stdout", limit=100_000)
        monkeypatch.undo()
        sent = 0
        while not sink.batch.dropped:
            logged(sink, "a")
            sent += 1
        os.set_blocking(reader, False)
        got = read_all(reader)
        while len(sink.batch):
            gevent.sleep(0.005)
            got += read_all(reader)
        sink.close()
    assert len(said(got + read_all(reader))) == sent - 1
    os.close(reader)
    os.close(writer)


def test_stdout_as_a_socket(stdout: int, capfd) -> None:
    ours, theirs = socket.socketpair()
    with capfd.disabled():
        os.dup2(ours.fileno(), stdout)
        sink = Sink("stdout", limit=1 << 20)
        while not sink.batch.dropped:
            logged(sink, "a")
        is_blocking = not fcntl.fcntl(ours.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK
        theirs.settimeout(5)
        first = theirs.recv(4096)
        sink.close(0.0)
    assert is_blocking
    assert first.startswith(b'{"time":')
    ours.close()
    theirs.close()


def test_stdout_as_a_file_shares_its_place(stdout: int, capfd, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with capfd.disabled():
        fd = os.open(file, os.O_WRONLY | os.O_CREAT)
        os.dup2(fd, stdout)
        os.write(stdout, b'{"id":"banner"}\n')
        sink = Sink("stdout")
        logged(sink, "a")
        sink.close()
        os.write(stdout, b'{"id":"after"}\n')
    os.close(fd)
    assert said(file.read_bytes()) == ["banner", "a", "after"]


WRITER = """
import sys
from gevent import monkey
monkey.patch_all()
from gateway.observability.log_writer import Sink
from gateway._fast.access_log_line import JsonLine
from gateway.observability.access_log import SECRETS
from tests.exchanges import exchange
from tests.support.greenlets import until
sink = Sink(sys.argv[1])
line = JsonLine(sink.batch, (), SECRETS)
for number in range(3000):
    line(exchange(request_id=f"{sys.argv[2]}-{number}", target="/" + "x" * (number % 700)))
"""


def test_two_workers_share_a_file_and_write_the_rest_at_their_end(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    command = [sys.executable, "-c", WRITER, str(file)]
    workers = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("a", "b")]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    lines = said(file.read_bytes())
    for name in ("a", "b"):
        assert [line for line in lines if line[0] == name] == [f"{name}-{number}" for number in range(3000)]
