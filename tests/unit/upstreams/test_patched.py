"""The same code where gevent has patched the standard library, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.unit.upstreams.conftest import Certificates


def test_patched(certificates: Certificates):
    command = [
        sys.executable,
        "-m",
        "gevent.monkey",
        "--module",
        "tests.unit.upstreams.patched",
        certificates.cert,
        certificates.key,
        certificates.ca,
    ]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[3], check=False
    )
    assert ran.stdout == "all well\n", ran.stderr
