"""gunicorn with conf/gunicorn.conf.py and gateway.server.wsgi is `gateway serve`, and gunicorn's own names rule."""

import grp
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.gateway import ROOT, free_port, wait_until
from tests.support.operations import children, get, respond, running, runtime_folder, server
from tests.support.raw import Client

GUNICORN = str(Path(sys.executable).with_name("gunicorn"))
COMMAND = [GUNICORN, "-c", f"{ROOT}/conf/gunicorn.conf.py", "gateway.server.wsgi:application"]
GET = b"GET /plan HTTP/1.1\r\nHost: a\r\n\r\n"


def plan(version, workers=2):
    return server(workers) + "routes:\n" + respond(version)


def by_hand(folder, *options, config=None, **more):
    return running(folder, config or plan("one"), command=[*COMMAND, *options], **more)


def same_but_date(answer):
    status, headers, body = answer
    return status, {name: value for name, value in headers.items() if name not in ("date", "x-request-id")}, body


def test_the_same_answers(tmp_path):
    (tmp_path / "serve").mkdir()
    with by_hand(tmp_path) as hand, running(tmp_path / "serve", plan("one")) as served:
        for path in ("/plan", "/nowhere"):
            hand_status, hand_headers, hand_body = same_but_date(get(hand, path))
            status, headers, body = same_but_date(get(served, path))
            assert (hand_status, hand_headers) == (status, headers)
            assert hand_body == body or status == 404  # the problem names its request
        for gateway in (hand, served):
            wait_until(lambda one=gateway: len(children(one.pid)) == 2, "two workers")


def test_overrides_by_gunicorns_names(tmp_path):
    port = free_port()
    options = ["--workers", "3", "--bind", f"127.0.0.1:{port}", "--keep-alive", "1", "--graceful-timeout", "2"]
    with by_hand(tmp_path, *options) as gateway:
        wait_until(lambda: len(gateway.workers()) == 3, "three workers")
        client = Client(port)
        began = time.monotonic()
        assert client.send(GET).answer()[0] == 200
        assert client.rest() == b"", "the connection is closed after one idle second"
        assert 0.8 < time.monotonic() - began < 3
        client.close()
        assert gateway.admin("/healthz")[0] == 200, "the admin address is there beside --bind"
        assert f"listens on 127.0.0.1:{port}, admin" in gateway.output()


def test_hup_reads_the_configuration_again_and_keeps_workers_and_overrides(tmp_path):
    with by_hand(tmp_path, env={"GUNICORN_CMD_ARGS": "--workers 3"}) as gateway:
        wait_until(lambda: len(gateway.workers()) == 3, "three workers")
        before = set(gateway.workers())
        for version in ("two", "three"):
            gateway.write(plan(version))
            gateway.send(signal.SIGHUP)
            wait_until(lambda version=version: get(gateway, "/plan")[2] == version.encode(), "HUP took the new file")
        assert set(gateway.workers()) == before
        assert "Hang up" not in gateway.output(), "gunicorn's own reload did not run"


def test_usr2_by_hand(tmp_path):
    with by_hand(tmp_path) as gateway:
        wait_until(lambda: len(gateway.workers()) == 2, "two workers")
        old = set(gateway.workers())
        gateway.write(plan("two"))
        gateway.send(signal.SIGUSR2)
        wait_until(lambda: len(gateway.workers()) == 4, "four workers on one page")
        gateway.send(signal.SIGTERM)
        gateway.process.wait(5)
        assert not old & set(gateway.workers())
        assert get(gateway, "/plan")[2] == b"two"
        assert gateway.admin("/api/reload", "POST")[0] == 200


def test_the_runtime_directory_is_the_workers(tmp_path):
    """They may run as another user or group than the master; here as another group, where that may be had."""
    group = "nogroup" if os.geteuid() == 0 else grp.getgrgid(os.getegid()).gr_name
    with by_hand(tmp_path, "--group", group) as gateway:
        folder = runtime_folder(gateway.pid)
        wanted = grp.getgrnam(group).gr_gid
        wait_until(lambda: gateway.admin("/metrics")[0] == 200, "who observes is of that group too")
        assert {path.stat().st_gid for path in (folder, *folder.iterdir())} == {wanted}
        gateway.write(plan("two"))
        assert gateway.admin("/api/reload", "POST")[0] == 200
        assert folder.stat().st_mode & 0o777 == 0o700
        assert gateway.stop() == 0
        assert not folder.exists()


def test_a_mistake_in_the_configuration_is_told(tmp_path):
    config = tmp_path / "gateway.yaml"
    config.write_text("version: 1\nroute: []\n")
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, timeout=60, cwd=tmp_path,
        env={"GATEWAY_CONFIG": str(config), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 1
    assert f"{config}:2:1: route: " in done.stderr
    assert "Traceback" not in done.stderr
