"""The sample package: installed as users install one, found by its entry point, and at work on the line."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from gateway import pipeline
from gateway.config import plugins
from gateway.contracts import Step, Tools
from gateway.exchange import Response
from gateway.features import ORDER
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
    policy = plugins.from_entry_point("tenant")
    assert policy is not None
    line = plugins.order((policy,))
    assert line[line.index("identity") :][:2] == ("identity", "tenant")
    steps = plugins.steps_of(policy, {"known": ["acme"]}, TOOLS)
    line = route(steps=(Step("tenant", "f:1", steps),), fetch=lambda exchange: Response(200, []))
    known = pipeline.run(exchange(headers=[("X-Tenant", "acme")]), line)
    assert (known.status, known.headers) == (200, [("X-Tenant", "acme")])
    assert pipeline.run(exchange(), line).status == 403


@pytest.mark.usefixtures("on_path")
def test_it_is_found_as_a_module() -> None:
    assert [policy.name for policy in plugins.from_module("sample_plugin")] == ["tenant"]


@pytest.mark.usefixtures("on_path")
def test_options_that_are_wrong_are_told() -> None:
    with pytest.raises(
        plugins.PluginError, match="tenant on the route item cannot be compiled: ValueError: `known` names"
    ):
        plugins.steps_of(plugins.from_entry_point("tenant"), {}, TOOLS)


@pytest.mark.usefixtures("on_path")
def test_a_name_nearly_right_is_pointed_out() -> None:
    assert plugins.unknown("tenants", []).hint == "did you mean `tenant`?"


def test_the_example_of_the_docs_works() -> None:
    text = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
    names: dict[str, Any] = {"__name__": "example"}
    exec(text.split("```python\n")[1].split("```")[0], names)
    [policy] = names["POLICIES"]
    steps = plugins.steps_of(plugins.checked(policy, "the docs"), {"known": ["acme"]}, TOOLS)
    line = route(steps=(Step("tenant", "f:1", steps),))
    assert pipeline.run(exchange(headers=[("X-Tenant", "acme")]), line).headers == [("X-Tenant", "acme")]
    assert pipeline.run(exchange(), line).status == 403
    assert ", ".join(ORDER) in text


@pytest.mark.usefixtures("on_path")
def test_an_entry_point_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = [
        ("x", "nowhere:x"),
        ("y", "sample_plugin:tenant"),
        ("z", "sample_plugin:Tenant"),
        ("w", "sample_plugin:no"),
    ]
    points = EntryPoints(EntryPoint(name, value, plugins.ENTRY_POINTS) for name, value in offered)
    monkeypatch.setattr(plugins, "_entry_points", lambda: points)
    for name, words in (
        ("x", "the entry point x = nowhere:x cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"),
        ("y", "the entry point y = sample_plugin:tenant is a policy with the name 'tenant'"),
        ("z", "the entry point z = sample_plugin:Tenant: <class 'sample_plugin.Tenant'> is no policy"),
        ("w", "the entry point w = sample_plugin:no cannot be loaded: AttributeError"),
    ):
        with pytest.raises(plugins.PluginError, match=re.escape(words)):
            plugins.from_entry_point(name)
