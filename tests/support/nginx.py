"""A real nginx as an upstream, for the length of a test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.gateway import free_port, wait_until

CONF = """
daemon off;
worker_processes 1;
user root;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_max_body_size 0;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  SERVERS
}
"""


class Nginx:
    """`port` is for `{port}` in the servers' text, which stands inside of `http`."""

    def __init__(self, folder: Path, servers: str) -> None:
        self.folder = folder
        self.port = free_port()
        conf = CONF if os.geteuid() == 0 else CONF.replace("user root;\n", "")
        (folder / "nginx.conf").write_text(conf.replace("SERVERS", servers.replace("{port}", str(self.port))))
        command = [shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
        wait_until(self._listens, "nginx listens")

    def _listens(self) -> bool:
        assert self.process.poll() is None, (self.folder / "error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self) -> str:
        """http://127.0.0.1:port"""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


@contextmanager
def nginx(folder: Path, servers: str) -> Iterator[Nginx]:
    """Start one and end it."""
    folder.mkdir(exist_ok=True)
    made = Nginx(folder, servers)
    try:
        yield made
    finally:
        made.stop()
