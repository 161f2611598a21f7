"""The services that stand behind the files of conf/examples, on ports of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.gateway import free_port, wait_until
from tests.support.raw import Client

OLD = (9101, 9201, 9202, 9102, 9203)


class Services(NamedTuple):
    """The process of all of them, and their ports by those in the examples."""

    pid: int
    ports: dict[int, int]

    def text(self, example: Path) -> str:
        """An example in front of them, with marks for the gateway's own ports."""
        text = example.read_text().replace("127.0.0.1:8000", "127.0.0.1:{port}")
        text = text.replace("127.0.0.1:8001", "127.0.0.1:{admin}")
        for old, new in self.ports.items():
            text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
        return text


@contextmanager
def example_services() -> Iterator[Services]:
    """All of them, listening."""
    ports = [free_port() for _ in OLD]
    command = [sys.executable, "-m", "gateway.examples", "--ports", ",".join(map(str, ports))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            for port in ports:
                wait_until(lambda port=port: _listens(port), "the services listen")
            yield Services(process.pid, dict(zip(OLD, ports, strict=True)))
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    try:
        Client(port).close()
    except OSError:
        return False
    return True
