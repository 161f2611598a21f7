"""Two thousand idle WebSockets on one worker, and how much memory and time each of them takes."""

import time

import psutil
import pytest

from tests.soak.figures import keep
from tests.support.gateway import wait_until
from tests.support.through import config, memory, serving
from tests.support.websocket import Switchboard, opened

COUNT = 2000
pytestmark = pytest.mark.soak


def test_two_thousand_idle_ones(tmp_path):
    board = Switchboard()
    text = config({"ws": f'targets: ["http://127.0.0.1:{board.port}"], pool: {{max_connections: 4000}}'})
    with serving(tmp_path, text) as gateway:
        clients = [opened(gateway, "/ws/") for _ in range(50)]  # what is made once
        before = memory(gateway)
        began = time.monotonic()
        clients += [opened(gateway, "/ws/") for _ in range(COUNT)]
        took = time.monotonic() - began
        each = (memory(gateway) - before) / COUNT
        worker = psutil.Process(gateway.workers()[0])
        used = sum(worker.cpu_times()[:2])
        time.sleep(10)
        used = (sum(worker.cpu_times()[:2]) - used) / 10
        for line, client in zip(board.lines, clients, strict=True):
            line.sendall(b"\x82\x01a")
            assert client.exactly(3) == b"\x82\x01a"
            client.close()
        wait_until(lambda: gateway.admin("/api/workers")[1][0]["connections"] == 0, "all are closed")
        after = memory(gateway) - before
    board.close()
    rows = {
        "WebSockets open and idle, one worker": COUNT,
        "memory each": f"{each / 1024:.1f} KB",
        "opening one, all of client, gateway and upstream on this machine": f"{took / COUNT * 1e6:.0f} us",
        "CPU of the worker while all are idle": f"{used:.1%}",
        "memory kept after all were closed": f"{after / 1e6:.1f} MB",
    }
    keep("websockets", "Idle WebSockets", rows)
    assert each <= 40 * 1024
    assert used < 0.05
