"""The short-lived process that reads and checks a configuration for a worker, which has better things to do.

    python -P parse_child.py CONFIG SYS_PATH SECONDS

Its standard output is a byte, "+" or "-", and a pickle: the Document, or the ConfigError that says why there is none.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config.diagnostics import ConfigError
    from gateway.config.model import Document


def main() -> None:
    """Read the configuration and answer; ends the process, whatever threads a plugin may have started."""
    config, search, seconds = sys.argv[1:]
    signal.alarm(int(seconds))  # nobody may be left to wait for this process
    answer = os.dup(1)
    os.dup2(2, 1)  # what a plugin prints is no part of the answer
    sys.path[:] = search.split(os.pathsep)
    sign, found = read(config)
    with open(answer, "wb") as stream:
        stream.write(sign)
        pickle.dump(found, stream, protocol=5)
    sys.stderr.flush()
    os._exit(0)


def read(config: str) -> tuple[bytes, Document | ConfigError]:
    """What is in the files if it can be read and compiled, or why not."""
    from gateway.config.compile import compile as compile_document
    from gateway.config.diagnostics import ConfigError
    from gateway.config.document import load
    from gateway.config.external_checks import Judge

    files: tuple[str, ...] = ()
    try:
        document = load(config, judge=Judge())
        files = document.files
        compile_document(document)
    except ConfigError as error:
        return b"-", ConfigError(error.complaints, error.files or files)
    return b"+", document


if __name__ == "__main__":
    main()
