"""Policies of users' own in a real gateway: from an installed package, from a module, and when they fail."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support.gateway import ROOT, wait_until
from tests.support.operations import get, running, server
from tests.support.raw import Client

FAILING = """
from gateway.contracts import Steps


class Failing:
    name = "failing"
    after = "access"
    before = None

    def compile(self, spec, tools):
        def fail(*_):
            raise RuntimeError("out of paper")

        return Steps(**{spec["hook"]: fail})


POLICIES = (Failing(),)
"""
ROUTE = "  - {{name: {0}, match: {{path: /{0}}}, respond: {{status: 200, body: fine}}, policies: [{1}]}}\n"


def config(*routes, plugins=""):
    return server(1) + plugins + "routes:\n" + "".join(ROUTE.format(name, policies) for name, policies in routes)


def ask(gateway, path, tenant=""):
    client = Client(gateway.port)
    try:
        line = f"X-Tenant: {tenant}\r\n" if tenant else ""
        return client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n{line}\r\n".encode()).answer()
    finally:
        client.close()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The sample package as pip installs it, in a folder of its own."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(ROOT / "tests" / "sample_plugin", folder / "source")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command = [*pip, "--disable-pip-version-check", "--target", folder / "site", folder / "source"]
    subprocess.run(command, check=True, timeout=60)
    return folder / "site"


@pytest.mark.parametrize("plugins", ["", "plugins: [sample_plugin]\n"], ids=["by entry point", "by module"])
def test_the_sample_package(tmp_path, installed, plugins):
    text = config(("shop", "{name: tenant, with: {known: [acme]}}"), plugins=plugins)
    with running(tmp_path, text, env={"PYTHONPATH": f"{ROOT}:{installed}"}) as gateway:
        status, headers, body = ask(gateway, "/shop", "acme")
        assert (status, headers["x-tenant"], body) == (200, "acme", b"fine")
        assert ask(gateway, "/shop", "nobody")[::2] == (403, b"Who are you?\n")
        told = gateway.admin("/api/routes")[1]
        assert "tenant" in [step["name"] for step in told[0]["steps"]]


@pytest.fixture
def failing(tmp_path):
    (tmp_path / "failing_plugin.py").write_text(FAILING)
    hooks = ("on_request", "on_response", "on_close")
    routes = [(hook, f"{{name: failing, with: {{hook: {hook}}}}}") for hook in hooks]
    text = config(*routes, ("fine", ""), plugins="plugins: [failing_plugin]\n")
    with running(tmp_path, text, env={"PYTHONPATH": f"{ROOT}:{tmp_path}"}) as gateway:
        yield gateway


def test_one_that_raises_is_a_500_of_its_own_type_and_the_worker_lives(failing):
    (worker,) = failing.workers()
    for hook in ("on_request", "on_response"):
        status, headers, body = ask(failing, f"/{hook}")
        assert (status, headers["content-type"]) == (500, "application/problem+json")
        assert b"urn:gateway:error:plugin-failed" in body
        assert b"out of paper" not in body, "what went wrong is for the log"
    wait_until(lambda: failing.output().count("out of paper") >= 2, "the log says what went wrong")
    status, _, body = ask(failing, "/on_close")
    assert (status, body) == (200, b"fine"), "the answer was out already"
    assert ask(failing, "/fine")[0] == 200
    assert failing.workers() == [worker]


def test_a_reload_with_one_that_cannot_be_imported_is_refused(failing):
    (failing.folder / "broken_plugin.py").write_text("import json\n\nraise RuntimeError('torn')\n")
    failing.write(config(("fine", ""), plugins="plugins: [broken_plugin]\n"))
    status, told = failing.admin("/api/reload", "POST")
    assert status == 422
    assert "RuntimeError: torn" in told["errors"][0]["message"]
    assert "broken_plugin.py:3" in told["errors"][0]["message"]
    assert get(failing, "/fine")[0] == 200
    assert os.path.exists(failing.config)
