"""Rules, dashboard and Alertmanager's configuration: exported by the gateway, judged by promtool and amtool."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.deliver.charting import CHART, ENVIRONMENTS, config_of, laid_out, one, render, run, value_sets

pytestmark = pytest.mark.deliver
RULES = CHART / "files" / "exported" / "rules.yaml"
CASES = Path(__file__).parent / "alerts.yaml"


def judged(folder, rules):
    (folder / "rules.yaml").write_text(rules)
    shutil.copy(CASES, folder / "alerts.yaml")
    return run("promtool", "test", "rules", folder / "alerts.yaml")


def test_the_rules_are_rules():
    said = run("promtool", "check", "rules", RULES)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "4 rules found" in said.stdout


def test_each_alert_fires_and_is_quiet(tmp_path):
    said = judged(tmp_path, RULES.read_text())
    assert said.returncode == 0, said.stdout + said.stderr
    names = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    cases = {each["name"] for each in yaml.safe_load(CASES.read_text())["tests"]}
    assert cases == {f"{name} {what}" for name in names for what in ("fires", "is quiet")}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("> 0.02", "> 0.2"), ("> 0.02", "> 0.001"), ("> 1) and on()", "> 10) and on()"), ("> 0.5", "< 0.5")],
)
def test_a_rule_that_is_wrong_is_found(right, wrong, tmp_path):
    rules = RULES.read_text()
    assert right in rules
    assert judged(tmp_path, rules.replace(right, wrong)).returncode != 0


def test_a_rule_that_is_none_is_found(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(RULES.read_text().replace("max(", "maxx(", 1))
    said = run("promtool", "check", "rules", file)
    assert said.returncode != 0
    assert "maxx" in said.stdout + said.stderr


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_is_watched_by_what_its_own_configuration_says(environment, tmp_path):
    found = render(value_sets()[environment])
    main = laid_out(config_of(found), tmp_path)
    exported = run(".venv/bin/gateway", "export", "prometheus-rules", "-c", main)
    assert one(found, "PrometheusRule")["spec"] == yaml.safe_load(exported.stdout)
    dashboard = one(found, "ConfigMap", "gateway-dashboard")["data"]["gateway.json"]
    exported = run(".venv/bin/gateway", "export", "grafana", "-c", main)
    assert json.loads(dashboard) == json.loads(exported.stdout)
    assert json.loads(dashboard)["panels"]


def alertmanager(folder, wrong=""):
    config = folder / "gateway.yaml"
    config.write_text(
        "version: 1\n"
        "routes: [{name: a, match: {path: /a}, respond: {status: 200}}]\n"
        "alerts: [{name: errors, when: 'error_rate(5m) > 2%', severity: page}]\n"
        "escalation: {page: [{webhook: 'https://chat.example.com/hook'}, {pagerduty: 'a-key'}]}\n"
        "inhibit: [{if: {name: errors}, mute: {severity: page}}]\n"
    )
    said = run(".venv/bin/gateway", "export", "alertmanager", "-c", config, "--secrets", folder)
    assert said.returncode == 0, said.stderr
    file = folder / "alertmanager.yaml"
    file.write_text(said.stdout.replace("severity=", wrong or "severity="))
    return run("amtool", "check-config", file)


def test_alertmanager_takes_what_is_exported(tmp_path):
    said = alertmanager(tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "SUCCESS" in said.stdout


def test_a_matcher_that_is_none_is_found(tmp_path):
    assert alertmanager(tmp_path, "severity?").returncode != 0
