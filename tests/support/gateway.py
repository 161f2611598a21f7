"""A real gateway as a child process, for tests that stand where a user stands."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
#: seconds; the machine may have much else to do
PATIENCE = 30.0

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def wait_until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """The first true value of `condition`, asked every 10 ms; AssertionError naming `what` after `patience` seconds."""
    until = time.monotonic() + patience
    while True:
        is_late = time.monotonic() > until  # known before it is asked: who was held up asks once more
        value = condition()
        if value:
            return value
        if is_late:
            raise AssertionError(f"not within {patience} s: {what}")
        time.sleep(0.01)


class Gateway:
    """`gateway serve` with a configuration of the test's; `{port}` and `{admin}` in it are filled in."""

    def __init__(
        self, folder: Path, config: str, *, env: dict[str, str] | None = None, command: list[str] | None = None
    ) -> None:
        self.folder = folder
        self.port, self.admin_port = free_port(), free_port()
        self.config = folder / "gateway.yaml"
        self.write(config)
        self.log = folder / "gateway.log"
        self._command = command or [sys.executable, "-m", "gateway.cli", "serve", "-c", str(self.config)]
        self._env = {**os.environ, "PYTHONPATH": str(ROOT), "GATEWAY_CONFIG": str(self.config), **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, config: str) -> None:
        """Write the configuration, atomically."""
        text = config.replace("{port}", str(self.port)).replace("{admin}", str(self.admin_port))
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.config)

    def start(self, *, ready: bool = True) -> Gateway:
        """Start it; with `ready`, wait until it serves."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._env, cwd=self.folder, start_new_session=True
            )
        if ready:
            wait_until(self.is_ready, f"the gateway is ready; its log:\n{self.output()}")
        return self

    def is_ready(self) -> bool:
        """Whether /readyz says so; AssertionError when the process has ended."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the gateway ended with {self.process.returncode}:\n{self.output()}")
        try:
            return bool(self.admin("/readyz")[0] == 200)
        except (OSError, http.client.HTTPException):
            return False

    def admin(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """(status, parsed JSON) of an admin endpoint."""
        extra = {"X-Gateway-Admin": "1"} if method != "GET" else {}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.admin_port}{path}", method=method, headers={**extra, **(headers or {})}
        )
        try:
            with _direct.open(request, timeout=PATIENCE) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _json(error.read())

    @property
    def url(self) -> str:
        """http://127.0.0.1:port"""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The master's."""
        assert self.process is not None
        return self.process.pid

    def workers(self) -> list[int]:
        """Pids of the workers that say they are there."""
        return [worker["pid"] for worker in self.admin("/api/workers")[1]]

    def send(self, number: int) -> None:
        """Send a signal to the master."""
        os.kill(self.pid, number)

    def output(self) -> str:
        """What it wrote to stdout and stderr."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and give its exit status; what is left of its session is killed."""
        process = self.process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process = None
        return process.wait()


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data
