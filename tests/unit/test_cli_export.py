"""What `gateway export` prints is what Prometheus, Alertmanager and Grafana take."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gateway.alerting.export import promql
from gateway.alerting.export.alertmanager import config
from gateway.alerting.options import Alerting, Escalation
from gateway.alerting.rules.expression import parse
from gateway.alerting.rules.signals import SIGNALS
from gateway.alerting.silences import MaintenanceWindow
from gateway.cli.group import main
from gateway.observability.metrics import families, self_families

PATH = f"{os.environ['PATH']}:/usr/sbin:/usr/bin"
CONFIG = """\
version: 1
upstreams: {catalog: {targets: ["http://127.0.0.1:1"]}}
routes: [{name: item, match: {path: /a}, upstream: catalog, cache: {ttl: 1s}, rate_limit: {per: ip, rate: 1/s}}]
alerts:
  - {name: errors, when: "error_rate(5m) > 2%", for: 1m, keep_firing_for: 2m, severity: page, labels: {team: shop}}
  - {name: slow, when: "p99(route=item, 5m) > 250ms or slow(300ms, 5m) > 10%", severity: warn}
  - name: busy
    when: requests(1m) > 100/s and not (cache_hit_rate(5m) > 50% or limited(5m) > 1%)
    severity: warn
  - name: up
    when: target_health(upstream=catalog) < 100% or upstream_error_rate(upstream=catalog, 5m) > 5%
    severity: page
  - name: own
    when: loop_lag > 100ms or memory > 200MB or certificate_expiry < 14d or config_refused
    severity: warn
  - {name: full, when: "saturation > 80%", severity: warn}
  - {name: pool, when: "saturation(upstream=catalog) > 80%", severity: warn}
  - {name: odd, anomaly: {metrics: [p99]}, severity: warn}
  - {name: slo, slo: {objective: 99.9%, metric: latency < 250ms, route: item, slow: warn}, severity: page}
escalation:
  warn:
    - slack: https://hooks.example.com/secret-one
      email:
        to: [a@a.example, b@a.example]
        from: g@a.example
        smtp: smtp://mail.example.com
        user: u
        password: secret-two
  page:
    - {pagerduty: secret-three, webhook: {url: "https://a.example/secret-four"}}
    - {after: 5m, alertmanager: "http://127.0.0.1:9093"}
inhibit: [{if: {severity: page, route: "it*m"}, mute: {severity: warn}}]
silences: [{matchers: {name: "slow*"}, days: [sat, sun], from: "22:00", to: "02:30", comment: backups}]
"""
CASES = """\
rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'http_server_requests_total{route="item",status_class="5xx",method="GET"}', values: "0+5x20"}
      - {series: 'http_server_requests_total{route="item",status_class="2xx",method="GET"}', values: "0+95x20"}
    alert_rule_test:
      - eval_time: 10m
        alertname: errors
        exp_alerts:
          - exp_labels: {severity: page, team: shop}
            exp_annotations:
              summary: "error_rate(5m) > 2% (now 5%)"
              description: Alert errors of the gateway.
  - interval: 1m
    input_series:
      - {series: 'http_server_requests_total{route="item",status_class="5xx",method="GET"}', values: "0+1x20"}
      - {series: 'http_server_requests_total{route="item",status_class="2xx",method="GET"}', values: "0+99x20"}
    alert_rule_test: [{eval_time: 10m, alertname: errors, exp_alerts: []}]
  - interval: 1m
    input_series:
      - {series: 'http_server_requests_total{route="item",status_class="2xx",method="GET"}', values: "0+99x20"}
    alert_rule_test: [{eval_time: 10m, alertname: errors, exp_alerts: []}]
"""


@pytest.fixture
def exported(tmp_path):
    """What a subcommand prints, and what it says is left out."""
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIG)

    def run(*arguments):
        result = CliRunner().invoke(main, ["export", *arguments, "-c", str(file)])
        assert result.exit_code == 0, result.output
        return result.stdout, result.stderr

    return run


def checked(*command):
    assert shutil.which(command[0], path=PATH), f"{command[0]} is missing: tools/needs.sh test"
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": PATH})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_rules_are_what_prometheus_takes(exported, tmp_path):
    text, left_out = exported("prometheus-rules")
    (tmp_path / "rules.yaml").write_text(text)
    assert "SUCCESS: 8 rules found" in checked("promtool", "check", "rules", str(tmp_path / "rules.yaml"))
    (tmp_path / "cases.yaml").write_text(CASES)
    checked("promtool", "test", "rules", str(tmp_path / "cases.yaml"))
    assert "odd" in left_out and "pool" in left_out
    rule = yaml.safe_load(text)["groups"][0]["rules"][0]
    assert (rule["alert"], rule["for"], rule["keep_firing_for"]) == ("errors", "1m", "2m")


def test_a_case_that_is_wrong_fails(exported, tmp_path):
    """The check above can fail."""
    (tmp_path / "rules.yaml").write_text(exported("prometheus-rules")[0].replace("> 0.02", "> 0.5"))
    (tmp_path / "cases.yaml").write_text(CASES)
    with pytest.raises(AssertionError):
        checked("promtool", "test", "rules", str(tmp_path / "cases.yaml"))


def test_an_object_of_the_operator(exported):
    found = yaml.safe_load(exported("prometheus-rules", "--kind", "PrometheusRule")[0])
    assert (found["apiVersion"], found["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert found["spec"] == yaml.safe_load(exported("prometheus-rules")[0])


def test_alertmanager_takes_its_configuration(exported, tmp_path):
    text, left_out = exported("alertmanager", "--secrets", str(tmp_path))
    (tmp_path / "alertmanager.yaml").write_text(text)
    said = checked("amtool", "check-config", str(tmp_path / "alertmanager.yaml"))
    assert "3 receivers" in said and "1 inhibit rules" in said
    assert "secret-" not in text and "no tiers" in left_out
    found = yaml.safe_load(text)
    assert found["receivers"][2]["pagerduty_configs"][0]["routing_key_file"] == f"{tmp_path}/page-2-pagerduty"
    evening, night = found["time_intervals"][0]["time_intervals"]
    assert evening["weekdays"] == ["saturday", "sunday"] and night["weekdays"] == ["sunday", "monday"]
    assert evening["times"] == [{"start_time": "22:00", "end_time": "24:00"}]
    assert night["times"] == [{"start_time": "00:00", "end_time": "02:30"}] and "silences" not in left_out


def test_windows_of_one_kind_of_alert_all_count(tmp_path):
    windows = [MaintenanceWindow((("name", "a"),), (0,), 60, 120), MaintenanceWindow((("name", "a"),), (1,), 0, 60)]
    found, left_out = config(Alerting(escalations=(Escalation("page", (), ""),), windows=tuple(windows)), "/x")
    assert [route.get("mute_time_intervals") for route in found["route"]["routes"]] == [["window-1", "window-2"], None]
    other = MaintenanceWindow((("route", "b"),), (2,), 0, 60)
    _, left_out = config(Alerting(escalations=(Escalation("page", (), ""),), windows=(*windows, other)), "/x")
    assert "several" in "".join(left_out)


def test_a_dashboard(exported, tmp_path):
    text, left_out = exported("grafana")
    found = json.loads(text)
    assert "odd" in left_out and found["title"] == "Gateway"
    assert len({panel["id"] for panel in found["panels"]}) == len(found["panels"]) > 20
    queries = [target["expr"] for panel in found["panels"] for target in panel["targets"]]
    # as Grafana fills them in
    filled = [query.replace("$__rate_interval", "1m").replace("$route", ".*") for query in queries]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(filled)]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    checked("promtool", "check", "rules", str(tmp_path / "panels.yaml"))
    panel = next(panel for panel in found["panels"] if panel["title"] == "Alert errors: error_rate(5m)")
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] == 0.02


def test_every_signal_is_exported_or_said_not_to_be(tmp_path):
    lacking = set()
    for name, signal in SIGNALS.items():
        arguments = [f"{name}=catalog" for name in signal.names if signal.must_name]
        arguments += ["250ms"] * signal.needs_limit + ["5m"] * signal.needs_window
        limit = {"share": "1%", "duration": "1s", "rate": "1/s", "size": "1MB"}.get(signal.unit, "")
        text = f"{name}({', '.join(arguments)})" + (f" > {limit}" if limit else "")
        try:
            assert promql.expression(parse(text))
        except promql.NotInMetrics:
            lacking.add(name)
    assert lacking == set()


def test_every_metric_is_one_that_the_gateway_has():
    known = {each.name for each in (*families.ROUTES, *families.UPSTREAMS, *families.TARGETS)}
    for module in (families, self_families):
        known |= set(re.findall(r'"((?:gateway|http)_[a-z_]+)"', Path(module.__file__).read_text()))
    used = set(re.findall(r"(?:gateway|http)_[a-z_]+[a-z]", Path(promql.__file__).read_text()))
    assert {re.sub(r"_(bucket|count)$", "", name) for name in used} <= known
    assert tuple((edge, repr(edge)) for edge in promql.EDGES) == families.HTTP
