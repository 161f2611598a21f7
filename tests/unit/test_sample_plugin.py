"""The sample package: installed as users install one, found by its entry point, and at work on the line."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import pipeline, plugins
from gateway.contracts import Step, Tools
from gateway.exchange import Response
from tests.exchanges import exchange, route

SOURCE = Path(__file__).parents[1] / "sample_plugin"
TOOLS = Tools("item", lambda: 0.0, print)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, for a build leaves things beside its source."""
    folder = tmp_path_factory.mktemp("plugin")
    source, target = folder / "source", folder / "site"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", target, source], check=True, timeout=60)
    return target


@pytest.fixture
def on_path(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(installed)
    yield
    sys.modules.pop("sample_plugin", None)


@pytest.mark.usefixtures("on_path")
def test_it_is_found_by_its_entry_point_and_works() -> None:
    policy = plugins.find({}, "tenant")
    assert plugins.order((policy,))[4:6] == ("identity", "tenant")
    steps = plugins.compile(policy, {"known": ["acme"]}, TOOLS)
    line = route(steps=(Step("tenant", "f:1", steps),), fetch=lambda exchange: Response(200, []))
    known = pipeline.run(exchange(headers=[("X-Tenant", "acme")]), line)
    assert (known.status, known.headers) == (200, [("X-Tenant", "acme")])
    assert pipeline.run(exchange(), line).status == 403


@pytest.mark.usefixtures("on_path")
def test_it_is_found_as_a_module() -> None:
    assert list(plugins.discover(["sample_plugin"])) == ["tenant"]


@pytest.mark.usefixtures("on_path")
def test_options_that_are_wrong_are_told() -> None:
    with pytest.raises(plugins.PluginError, match="tenant on the route item cannot be compiled: ValueError: `known` names"):
        plugins.compile(plugins.find({}, "tenant"), {}, TOOLS)


@pytest.mark.usefixtures("on_path")
def test_a_name_nearly_right_is_pointed_out() -> None:
    with pytest.raises(plugins.PluginError) as raised:
        plugins.find({}, "tenants")
    assert raised.value.hint == "did you mean `tenant`?"
