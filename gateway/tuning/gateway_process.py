"""The gateway under measurement: `gateway serve` of a document that is read from stdin, pickled by our own parent.

No file is written for it: a document holds secrets.
"""

from __future__ import annotations

import os
import pickle
import sys
import time

from gateway.tuning.processes import end_with_parent


def main() -> int:
    """Serve until SIGTERM."""
    end_with_parent()
    # NOTE: first of all the rest: the master patches what the standard library waits with.
    from gateway.server import master  # isort: split
    from gateway.config.fork_reader import ReadResult
    from gateway.server.bind_check import INHERITED
    from gateway.state import runtime_dir as runtime
    from gateway.state import shared_memory as page

    # What a master hands to the next one (USR2), or gets from systemd, is not this gateway's.
    for name in (*INHERITED, "GUNICORN_PID", page.HANDOVER, runtime.HANDOVER):
        os.environ.pop(name, None)
    document, overrides = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own parent's
    return master.run(document.file, overrides, lambda: ReadResult(document, time.time_ns()))


if __name__ == "__main__":
    sys.exit(main())
