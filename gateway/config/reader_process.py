"""Read a configuration in a child process: parsing a large file holds the interpreter for seconds.

Works the same with and without gevent's patches: nothing is awaited, the child is looked at now and then.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from gateway.config import reader_main as parse_child
from gateway.config.diagnostics import ConfigError, Diagnostic

TIMEOUT: Final = 60.0  # seconds
ANSWER_MAX: Final = 256 << 20  # bytes
_LOOK_EVERY: Final = 0.01  # seconds


def parse_in_subprocess(config: str, timeout: float = TIMEOUT, waiting: Callable[[], None] | None = None) -> bytes:
    """The pickled Document of the file `config`, read and checked with this process's environment, folder, sys.path.

    Raises only ConfigError, and what `waiting` does, which is called every 10 ms; the child is ended then.
    """
    with _anonymous_file("answer") as answer, _anonymous_file("errors") as errors:
        try:
            status = _run(_command(config, timeout), answer, errors, timeout, waiting)
        except OSError as error:
            raise _failed(config, f"the process that reads it cannot be started: {error.strerror}") from None
        if status is None:
            raise _failed(config, f"reading it took longer than {timeout:g}s, and was given up")
        if os.fstat(answer).st_size > ANSWER_MAX:
            raise _failed(config, f"it is larger than {ANSWER_MAX >> 20} MB once it is read")
        if status != 0:
            raise _failed(config, f"the process that reads it failed: {_last_line(errors) or _ending(status)}")
        return _result(config, _content(answer))


def _command(config: str, timeout: float) -> list[str]:
    # SECURITY: -P and a sys.path handed over: modules are found where this process finds them, and not in the folder
    # that it happens to run in (tests/unit/config/test_reload_child.py).
    seconds = str(int(timeout) + 5)
    return [sys.executable, "-P", parse_child.__file__, config, os.pathsep.join(sys.path), seconds]


def _run(
    command: list[str], answer: int, errors: int, timeout: float, waiting: Callable[[], None] | None
) -> int | None:
    """The exit status; None when the time was up."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=answer, stderr=errors)
    try:
        end = time.monotonic() + timeout
        while child.poll() is None:
            if time.monotonic() > end:
                return None
            if waiting is not None:
                waiting()
            time.sleep(_LOOK_EVERY)
        return child.returncode
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _result(config: str, answer: bytes) -> bytes:
    sign, pickled = answer[:1], answer[1:]
    if sign == b"+":
        return pickled
    if sign == b"-":
        error: ConfigError = pickle.loads(pickled)  # noqa: S301 - our own code made it
        raise error
    raise _failed(config, "the process that reads it gave no answer")


def _failed(config: str, message: str) -> ConfigError:
    return ConfigError([Diagnostic(config, 0, 0, "", message)])


def _ending(status: int) -> str:
    return f"ended by signal {-status}" if status < 0 else f"exit status {status}"


def _last_line(errors: int) -> str:
    """The last line of a traceback says what went wrong."""
    size = os.fstat(errors).st_size
    text = os.pread(errors, 4096, max(0, size - 4096)).decode("utf-8", "replace")
    return text.strip().rpartition("\n")[2][:500]


def _content(file: int) -> bytes:
    with open(os.dup(file), "rb") as stream:
        stream.seek(0)
        return stream.read()


@contextlib.contextmanager
def _anonymous_file(name: str) -> Iterator[int]:
    # SECURITY: in memory and without a name: a document holds secrets.
    file = os.memfd_create(f"gateway-{name}")
    try:
        yield file
    finally:
        os.close(file)
