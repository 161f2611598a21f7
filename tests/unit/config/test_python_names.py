"""Names that lead to Python: what is wrong with them is told with all the rest, at its place."""

import pytest

from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.config.external_checks import Judge, whole

POLICY = """
from gateway.contracts import Steps

class Tenant:
    name, after, before = "tenant", "guard", None
    def compile(self, spec, tools):
        return Steps()
POLICIES = (Tenant(),)
"""
TEXT = """\
version: 1
plugins: [names_probe, no_such_plugin]
routes:
  - {name: a, match: {path: /a}, function: "no_such_module.deep:fn", policies: [tenant]}
  - name: b
    match: {path: /b}
    function: {call: "gateway.examples:hallo", timeout: 5}
  - {name: c, match: {path: /c}, wsgi: "broken_probe:app"}
  - {name: d, match: {path: /d}, function: "gateway.examples:hello"}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    (tmp_path / "names_probe.py").write_text(POLICY)
    (tmp_path / "broken_probe.py").write_text("import sys\n\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "gateway.yaml"
    file.write_text(TEXT)
    return file


def told(config, judge):
    with pytest.raises(ConfigError) as caught:
        load("gateway.yaml", judge=judge)
    return str(caught.value).splitlines()


def test_all_at_once_each_at_its_place(config):
    plugin, missing, near, timeout, broken = told(config, Judge())
    assert plugin.startswith("gateway.yaml:2:24: plugins[1]: the plugin no_such_plugin cannot be imported: ModuleNot")
    assert plugin.endswith("(install it, or put the folder that holds it on PYTHONPATH)")
    assert missing.startswith("gateway.yaml:4:44: routes[0].function: no_such_module.deep cannot be imported: Module")
    assert missing.endswith("(install it, or put the folder that holds it on PYTHONPATH)")
    assert near == ("gateway.yaml:7:22: routes[1].function.call: gateway.examples has no hallo (did you mean `hello`?)")
    assert timeout.startswith("gateway.yaml:7:57: routes[1].function.timeout: expected a duration")
    assert broken.startswith("gateway.yaml:8:40: routes[2].wsgi: broken_probe cannot be imported: SystemExit: 3 (")
    assert broken.endswith("broken_probe.py:3)")


def test_nothing_is_imported_without_a_judge(config):
    assert len(told(config, None)) == 1


def test_a_policy_that_no_plugin_has(config):
    text = TEXT.replace(", no_such_plugin", "").replace("[tenant]", "[tenant, tenent]")
    config.write_text("\n".join(text.splitlines()[:4]).replace("no_such_module.deep:fn", "gateway.examples:hello"))
    (found,) = told(config, Judge())
    assert found == (
        "gateway.yaml:4:89: routes[0].policies[1]: no plugin has a policy named tenent (did you mean `tenant`?)"
    )


def test_the_place_is_found_for_what_came_up_later(config):
    later = ConfigError([])
    assert [complaint.column for complaint in whole("gateway.yaml", later).complaints] == [24, 44, 22, 57, 40]
    config.write_text("version: 1\nroutes: []\n")
    assert whole("gateway.yaml", later) is later
