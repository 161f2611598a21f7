"""Check of the addresses to listen on, before any worker is started, so that a "no" is one line."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterable, Mapping

#: Set by a gunicorn master for the one that takes over its sockets (USR2), and by systemd for socket activation.
INHERITED = ("GUNICORN_FD", "LISTEN_FDS")

NO_ADDRESS = "is no address such as 127.0.0.1:8000, [::1]:8000 or unix:/run/gateway.sock"
_WORDS = {
    errno.EADDRINUSE: "is in use; stop what listens there, or choose another address",
    errno.EADDRNOTAVAIL: "is no address of this machine",
    errno.EACCES: "may not be listened on without more rights; ports below 1024 need CAP_NET_BIND_SERVICE",
}


def problem(addresses: Iterable[str], environ: Mapping[str, str] = os.environ) -> str | None:
    """One line about the first address ("host:port", "[v6]:port", "unix:/path") that cannot be listened on, or None."""
    if any(environ.get(name) for name in INHERITED):
        return None
    for address in addresses:
        words = _unix(address[5:]) if address.startswith("unix:") else _tcp(address)
        if words:
            return f"{address} {words}"
    return None


def _tcp(address: str) -> str | None:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        return NO_ADDRESS
    try:
        family, kind, protocol, _, name = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # NOTE: as the server's own socket will be: what waits in TIME_WAIT does not count, a listener does
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(name)
            probe.listen(1)
    except ValueError:  # a name that no host can have
        return NO_ADDRESS
    except socket.gaierror:
        return "has a host name that cannot be resolved"
    except OSError as error:
        return _words(error)
    return None


def _unix(path: str) -> str | None:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return "is a file that is no socket; remove it, or choose another address"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            probe.connect(path)
            return _WORDS[errno.EADDRINUSE]
    except FileNotFoundError:
        folder = os.path.dirname(path) or "."
        return (
            None
            if os.access(folder, os.W_OK | os.X_OK)
            else f"cannot be made: {folder} is missing or may not be written"
        )
    except ConnectionRefusedError:
        return None  # left behind by a process that is gone; gunicorn replaces it
    except OSError as error:
        return _words(error)


def _words(error: OSError) -> str:
    return _WORDS.get(error.errno or 0, f"cannot be listened on: {error.strerror or error}")
