"""Client of the admin API for commands: asks the running gateway at the address in the configuration."""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import TYPE_CHECKING, Any, Final

from gateway.config.diagnostics import ConfigError

if TYPE_CHECKING:
    from gateway.config.model import Document

TIMEOUT: Final = 10.0  # seconds
PROBE_TIMEOUT: Final = 2.0  # seconds: less than who watches a container waits
PROBE_BYTES: Final = 4096
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


class Problem(Exception):
    """Why a command cannot do what it is asked, in one line for people."""


def document_of(config: str) -> Document:
    """The configuration. Raises Problem with all its complaints."""
    from gateway.config.document import load

    if not os.path.exists(config):
        raise Problem(f"{config}: no such file (name a configuration with -c FILE or GATEWAY_CONFIG)")
    try:
        return load(config)
    except ConfigError as error:
        raise Problem(str(error)) from None


def admin_request(document: Document, method: str, path: str, body: Any = None) -> Any:
    """The parsed answer, None without one. Raises Problem for any that is not good."""
    server = document.server
    headers = {"X-Gateway-Admin": "1", "Accept": "application/json"}
    if server.admin_token:
        headers["Authorization"] = f"Bearer {server.admin_token}"
    data = None if body is None else json.dumps(body).encode()
    connection = _connection(server.admin)
    try:
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        status, text = answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        words = f"the admin API at {server.admin} does not answer ({_words(error)})"
        raise Problem(f"{words}: start the gateway, or name the configuration that it runs with -c FILE") from None
    finally:
        connection.close()
    return _answer_of(status, text)


def _words(error: Exception) -> str:
    """What went wrong, without the number that the system has for it."""
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__


def is_serving(address: str, path: str) -> tuple[int, str]:
    """(status, what it says on one line) of a path that needs no token, within seconds. Raises Problem without any."""
    try:
        connection = _connection(address, PROBE_TIMEOUT)
    except ValueError:
        raise Problem(f"{address!r} is no address such as 127.0.0.1:8001 or unix:/run/admin.sock") from None
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, " ".join(answer.read(PROBE_BYTES).decode("utf-8", "replace").split())
    except (OSError, OverflowError, http.client.HTTPException) as error:
        raise Problem(f"the admin API at {address} does not answer ({_words(error)})") from None
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(address: str, timeout: float = TIMEOUT) -> http.client.HTTPConnection:
    if address.startswith("unix:"):
        return _UnixConnection(address.removeprefix("unix:"), timeout)
    host, _, port = address.rpartition(":")
    return http.client.HTTPConnection(_ANYWHERE.get(host, host), int(port), timeout=timeout)


def _answer_of(status: int, text: bytes) -> Any:
    try:
        found = json.loads(text) if text else None
    except ValueError:
        raise Problem(f"the admin API answered {status}, and not in JSON: is that a gateway?") from None
    if status < 300:
        return found
    if isinstance(found, dict):
        title, detail = found.get("title", f"the admin API answered {status}"), found.get("detail", "")
        raise Problem(f"{title}: {detail}" if detail else str(title))
    raise Problem(f"the admin API answered {status}")
