"""A real browser: Debian's chromium without a window, driven over the DevTools protocol."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.support.gateway import wait_until

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    *("--remote-debugging-port=0", "about:blank"),
)
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Browser:
    """One window with a profile of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        profile = folder / "profile"
        profile.mkdir(parents=True)
        self.log = folder / "chromium.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["chromium", f"--user-data-dir={profile}", *FLAGS],
                stdout=log,
                stderr=log,
                env={**os.environ, "HOME": str(folder)},
                start_new_session=True,
            )
        self._number = 0
        self._ends = ExitStack()
        self._ends.callback(self._kill)
        try:
            address = self._page(profile / "DevToolsActivePort")
            self._socket = self._ends.enter_context(connect(address, max_size=None, proxy=None))
            self.call("Page.enable")
        except BaseException:
            self.close()
            raise

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its result."""
        answer = self._ask(method, **parameters)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def open(self, url: str) -> None:
        """Go to a page, and wait until it or what it leads to is there."""
        result = self.call("Page.navigate", url=url)
        assert "errorText" not in result, f"{url}: {result['errorText']}"
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, f"{script}: {result['exceptionDetails']}"
        return result["result"].get("value")

    def wait(self, script: str) -> Any:
        """The first true value of an expression; pages may come and go meanwhile."""

        def value() -> Any:
            answer = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
            result = answer.get("result", {})  # none when the page went away meanwhile
            return None if "exceptionDetails" in result else result.get("result", {}).get("value")

        return wait_until(value, script)

    def cookies(self, url: str) -> dict[str, dict[str, Any]]:
        """The cookies that go to a URL, by name, with their attributes."""
        return {each["name"]: each for each in self.call("Network.getCookies", urls=[url])["cookies"]}

    def close(self) -> None:
        """End it, with everything that it started."""
        self._ends.close()

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and what is said to it."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv(timeout=20))
            if message.get("id") == self._number:  # what else comes are events
                return message

    def _kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def _page(self, port_file: Path) -> str:
        """The address of its window."""

        def port() -> str:
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            first, end, _ = port_file.read_text().partition("\n") if port_file.exists() else ("", "", "")
            return first if end else ""

        list_url = f"http://127.0.0.1:{wait_until(port, 'chromium listens')}/json/list"

        def page() -> str:
            with _direct.open(list_url, timeout=10) as answer:
                pages = json.loads(answer.read())
            return next((str(each["webSocketDebuggerUrl"]) for each in pages if each["type"] == "page"), "")

        return str(wait_until(page, "chromium has opened its window"))
