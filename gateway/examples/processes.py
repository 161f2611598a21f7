"""A gateway as a child process: started, waited for, ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.examples.second import Second
from gateway.examples.tour import Place, text

READY_WITHIN = 20.0
GONE_WITHIN = 10.0


def run(config: Path, over: threading.Event, second: Second, bind: str | None = None) -> int:
    """Start `gateway serve -c config`, say what to try once it is ready, and end it when `over` is set."""
    try:
        server = load(str(config)).server
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "gateway.cli", "serve", "-c", str(config)]
    command += ["--bind", bind] if bind else []
    # NOTE: a process group of its own, so that Ctrl-C reaches this process alone and the gateway is ended in order.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    try:
        if _is_ready(child, f"http://{server.admin}/readyz", over):
            place = Place(f"http://{server.bind[0]}", f"http://{server.admin}", _command(), str(config.resolve()))
            print(text(place, second.port, second.pid), flush=True)
        while child.poll() is None and not over.wait(0.1):
            pass
        return 0 if over.is_set() else child.wait()
    finally:
        _end(child)


def _command() -> str:
    """The `gateway` command of this installation."""
    beside = Path(sys.executable).with_name("gateway")
    return str(beside) if beside.exists() else shutil.which("gateway") or "gateway"


def _is_ready(child: subprocess.Popen[bytes], url: str, over: threading.Event) -> bool:
    """Wait until `url` answers 200; False when the child ended or the wait was cut short."""
    until = time.monotonic() + READY_WITHIN
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while child.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError):
            return bool(opener.open(url, timeout=1.0).status == 200)
        if over.wait(0.05):
            return False
    return False


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the gateway in order, or by force when it takes too long; its workers are in its process group."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GONE_WITHIN)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
