"""Read the first configuration in a fork, while this process imports what it serves with.

The YAML and schema libraries stay in the fork, so neither the master nor its workers hold them, and where there is a
second core the reading takes no time (docs/decisions/0004-first-reading.md).
"""

from __future__ import annotations

import os
import pickle
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from gateway.config.diagnostics import ConfigError, Diagnostic
from gateway.config.model import Document  # PERF: both processes need it, so it is made before there are two


class ReadResult(NamedTuple):
    """A checked document, and when its reading began (wall clock, nanoseconds)."""

    document: Document
    began_ns: int


def start_reading(config: str) -> Callable[[], ReadResult]:
    """Begin to read a file; what it gives waits for the end, and raises ConfigError with every mistake.

    For a process that has no threads and no gevent yet.
    """
    began_ns = time.time_ns()
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        _read(config, sink)
    os.close(sink)

    def result() -> ReadResult:
        with open(source, "rb") as stream:
            answer = stream.read()
        os.waitpid(child, 0)
        try:
            found = pickle.loads(answer)  # noqa: S301 - our own fork's answer
        except (EOFError, pickle.UnpicklingError):
            raise ConfigError([Diagnostic(config, 0, 0, "", "the process that reads it ended early")]) from None
        if isinstance(found, ConfigError):
            raise found
        return ReadResult(found, began_ns)

    return result


def _read(config: str, sink: int) -> NoReturn:
    """The fork: never comes back."""
    try:
        from gateway.config.document import load

        found: object
        try:
            found = load(config)
        except ConfigError as error:
            found = error
        with open(sink, "wb") as stream:
            pickle.dump(found, stream, protocol=5)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)
