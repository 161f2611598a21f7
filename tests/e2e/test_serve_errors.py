"""What is wrong before the gateway serves: one line that says what to do, exit status 1, no traceback."""

import os
import socket
import subprocess
import sys

import pytest

from tests.support.gateway import PATIENCE, ROOT, free_port

SERVER = "version: 1\nserver: {bind: '127.0.0.1:%d', admin: '127.0.0.1:%d'%s}\n"
ROUTE = "routes:\n  - {name: a, match: {path: /a}, respond: {status: 200}}\n"
#: writes down each runtime directory that a process makes: there are those of other tests beside it
WATCH = """
import sys

def look(event, arguments):
    if event == "os.mkdir" and "/gateway-" in str(arguments[0]):
        with open("MADE", "a") as file:
            file.write(f"{arguments[0]}\\n")

sys.addaudithook(look)
"""


def config(more="", port=0, admin=0, server=""):
    return SERVER % (port or free_port(), admin or free_port(), server) + ROUTE + more


def serve(folder, text, *modules):
    """(exit status, lines of standard error) of a gateway that does not come to serve."""
    (folder / "gateway.yaml").write_text(text)
    return run(folder, "gateway.yaml", *modules)


def run(folder, name, *modules):
    """The same; `modules` is where there are more of them."""
    made = folder / "made"
    (folder / "sitecustomize.py").write_text(WATCH.replace("MADE", str(made)))
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "serve", "-c", name],
        cwd=folder, env={**os.environ, "PYTHONPATH": ":".join(map(str, (ROOT, folder, *modules)))},
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout == ""
    folders = made.read_text().splitlines() if made.exists() else []
    assert not [path for path in folders if os.path.exists(path)], "no directory is left behind"
    return done.returncode, done.stderr.splitlines()


def said(result, *words):
    """One line that holds all the words."""
    status, lines = result
    assert status == 1
    assert len(lines) == 1, lines
    assert all(word in lines[0] for word in words), lines[0]


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use(tmp_path, taken):
    said(serve(tmp_path, config(port=taken)), f"127.0.0.1:{taken}", "in use", "choose another")


def test_the_admin_port_in_use(tmp_path, taken):
    said(serve(tmp_path, config(admin=taken)), f"127.0.0.1:{taken}", "in use")


def test_no_such_file(tmp_path):
    said(run(tmp_path, "nowhere.yaml"), "nowhere.yaml", "no such file", "-c FILE")


def test_a_folder(tmp_path):
    said(run(tmp_path, "."), "directory")


def test_a_secret_that_cannot_be_read(tmp_path):
    text = config("observability: {access_log: {format: '${file:/nowhere/secret}'}}\n")
    said(serve(tmp_path, text), "gateway.yaml:5:38: ", "/nowhere/secret")


def test_a_secret_that_is_not_set(tmp_path):
    said(serve(tmp_path, config(server=", admin_token: '${env:NOT_SET_HERE}'")), "gateway.yaml:2:", "NOT_SET_HERE")


def test_a_certificate_that_is_missing(tmp_path):
    status, lines = serve(tmp_path, config(server=", tls: {cert: tls.crt, key: tls.key}"))
    assert status == 1
    assert all("gateway.yaml:2:" in line for line in lines)
    assert any("tls.crt" in line for line in lines) and any("tls.key" in line for line in lines)


def test_a_key_that_is_garbage(tmp_path):
    (tmp_path / "tls.crt").write_text("garbage")
    (tmp_path / "tls.key").write_text("garbage")
    text = config(server=", tls: {cert: tls.crt, key: tls.key}")
    status, lines = serve(tmp_path, text)
    assert status == 1
    assert [line.partition(" the file ")[2] for line in lines] == [
        '"tls.crt" holds no certificate in PEM that can be read',
        '"tls.key" holds no private key in PEM that can be read',
    ]


def test_a_log_in_a_folder_that_is_missing(tmp_path):
    text = config("observability: {access_log: {to: nowhere/access.log}}\n")
    said(serve(tmp_path, text), "gateway.yaml:5:34: ", "nowhere/access.log")


def test_a_plugin_that_fails_to_import(tmp_path):
    (tmp_path / "broken_plugin.py").write_text("import json\n\nraise RuntimeError('out of paper')\n")
    text = config("plugins: [broken_plugin]\n")
    said(serve(tmp_path, text), "gateway.yaml:", "broken_plugin", "RuntimeError: out of paper", "broken_plugin.py:3")


def test_a_plugin_that_is_not_there(tmp_path):
    said(serve(tmp_path, config("plugins: [nowhere_plugin]\n")), "nowhere_plugin", "ModuleNotFoundError")


def test_a_plugin_with_bad_options(tmp_path):
    text = config("plugins: [sample_plugin]\n").replace("respond:", "policies: [{name: tenant, with: {}}], respond:")
    found = serve(tmp_path, text, ROOT / "tests" / "sample_plugin")
    said(found, "gateway.yaml:4:", "tenant", "`known` names no tenant")


def test_all_mistakes_at_once(tmp_path):
    text = config(
        "  - {name: b, match: {path: b}, respond: {status: 99}}\n"
        "  - {name: c, upstream: nowhere, match: {path: /c}}\n"
        "rout: []\n"
    )
    status, lines = serve(tmp_path, text)
    assert status == 1
    assert {line.split(":")[1] for line in lines} >= {"5", "6", "7"}
    checked = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "check", "-c", "gateway.yaml"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert checked.returncode == 1
    assert checked.stdout.splitlines() == lines, "`gateway check` says the same"
