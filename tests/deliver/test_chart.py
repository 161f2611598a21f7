"""The chart: what helm says of it, what it makes of its values, and which values it refuses."""

import json
import shutil

import pytest
import requests
import yaml

from tests.deliver.charting import (
    CHART,
    GOLDEN,
    KEPT,
    config_of,
    core_complaints,
    golden,
    helm,
    laid_out,
    of_others,
    one,
    other_complaints,
    pod,
    refused,
    render,
    run,
    template,
    value_sets,
)
from tests.support.gateway import Gateway, wait_until

pytestmark = pytest.mark.deliver
SETS = sorted(value_sets())


def test_lint():
    said = helm("lint", "--strict", CHART, *(f"--values={path}" for path in value_sets()["prod"]))
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("name", SETS)
def test_every_set_of_values_renders_alike_each_time(name):
    values = value_sets()[name]
    assert template(values) == template(values)


@pytest.mark.parametrize("name", KEPT)
def test_golden(name):
    kept = (GOLDEN / f"{name}.yaml").read_text()
    assert golden(name) == kept, "run `python -m tests.deliver.charting` when it is meant to be so"


def test_what_it_makes_is_what_kubernetes_and_others_know(tmp_path):
    found = [each for values in value_sets().values() for each in render(values)]
    assert {"VirtualService", "HTTPRoute", "ScaledObject", "ExternalSecret", "VerticalPodAutoscaler"} <= {
        each["kind"] for each in of_others(found)
    }
    assert core_complaints(found, tmp_path) == ""
    assert other_complaints(found) == []


def test_the_recommender_changes_nothing():
    vpa = one(render(more=["--set=vpa.enabled=true"]), "VerticalPodAutoscaler")
    assert vpa["apiVersion"] == "autoscaling.k8s.io/v1"
    assert vpa["spec"] == {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "gateway"},
        "updatePolicy": {"updateMode": "Off"},
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("replica=3", "additional properties 'replica' not allowed"),
        ("autoscaling.maximum=3", "at '/autoscaling': additional properties 'maximum' not allowed"),
        ("config.rollout=warm", "at '/config/rollout': value must be one of 'replace', 'hot'"),
        ("autoscaling.min=0", "at '/autoscaling/min': minimum: got 0, want 1"),
        ("image.digest=sha256:1", "at '/image/digest'"),
        ("autoscaling.min=40", "autoscaling.min: 40 is more than autoscaling.max, 30"),
        ("secrets.mode=own", "secrets.own.admin-token: missing"),
        ("secrets.mode=external", "secrets.external.store: missing"),
        ("istio.enabled=true", "istio.hosts: missing"),
        ("gatewayApi.enabled=true", "gatewayApi.parents: missing"),
        ("monitoring.enabled=true,monitoring.rules=x: 1", "monitoring.rules: no groups"),
        ("config.files.gateway\\.yaml=version: 1", "server.bind must have port 8000"),
        (
            "config.files.gateway\\.yaml=server: {bind: 0.0.0.0:8000\\, admin: 127.0.0.1:8001}",
            "server.admin must be 0.0.0.0:8001",
        ),
        ("config.files.gateway\\.yaml=server: [", "config.files.gateway.yaml: error converting YAML"),
        (
            "config.files.gateway\\.yaml=server: {bind: 0.0.0.0:8000\\, admin: 0.0.0.0:8001\\, graceful_timeout: soon}",
            "soon is no duration",
        ),
    ],
)
def test_bad_values_are_refused_with_their_path(given, said):
    assert said in refused("--set", given)


def _described(schema, path=""):
    for name, each in schema.get("properties", {}).items():
        yield f"{path}.{name}", each
        yield from _described(each, f"{path}.{name}")
        yield from _described(each.get("items", {}), f"{path}.{name}[]")


def test_every_value_is_described_and_every_default_is_written():
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert [path for path, each in _described(schema) if not each.get("description")] == []
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)
    for name, value in values.items():
        if isinstance(value, dict) and (known := schema["properties"][name].get("properties")):
            assert set(value) == set(known), name


def test_a_change_of_the_configuration_is_a_rollout_or_a_reload():
    def named(*more):
        found = render(more=more)
        (volume,) = [each for each in pod(found)["volumes"] if each["name"] == "config"]
        (made,) = [each for each in found if each["kind"] == "ConfigMap"]
        assert made["metadata"]["name"] == volume["configMap"]["name"]
        return made

    changed = "--set-string=config.files.more\\.yaml=x"
    assert named()["immutable"] and named()["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert named()["metadata"]["name"] != named(changed)["metadata"]["name"]
    hot = "--set=config.rollout=hot"
    assert named(hot)["metadata"]["name"] == named(hot, changed)["metadata"]["name"] == "gateway-config"
    assert "immutable" not in named(hot)


@pytest.mark.parametrize(
    ("timeout", "seconds"), [("30s", 40), ("2m", 130), ("1500ms", 12), ("30s, drain_delay: 5s", 45), ("", 40)]
)
def test_a_pod_is_given_as_long_as_its_drain_may_take(timeout, seconds, tmp_path):
    line = f", graceful_timeout: {timeout}" if timeout else ""
    file = tmp_path / "gateway.yaml"
    file.write_text(f"server: {{bind: 0.0.0.0:8000, admin: 0.0.0.0:8001{line}}}")
    spec = pod(render(more=[f"--set-file=config.files.gateway\\.yaml={file}"]))
    assert spec["terminationGracePeriodSeconds"] == seconds
    assert spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] == 5


def test_the_check_sees_what_the_gateway_sees():
    spec = pod(render(value_sets()["own"]))
    (check,), (gateway,) = spec["initContainers"], spec["containers"]
    for key in ("image", "volumeMounts", "env", "securityContext", "resources"):
        assert check[key] == gateway[key]
    assert (check["command"][1], gateway["command"][1]) == ("check", "serve")
    assert check["command"][2:] == gateway["command"][2:]
    assert check["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_a_token_of_the_api_only_where_something_is_found_by_it():
    assert pod(render())["automountServiceAccountToken"] is False
    found = render(more=["--set=discovery.namespaces={shop,stock}"])
    assert pod(found)["automountServiceAccountToken"] is True
    roles = [each for each in found if each["kind"] == "Role"]
    assert [each["metadata"]["namespace"] for each in roles] == ["shop", "stock"]
    least = [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}]
    assert all(each["rules"] == least for each in roles)


def admitted(policy):
    """Whom the network lets to the admin port: the peers of each rule that has it, None where that is all."""
    rules = policy["spec"]["ingress"]
    return [rule.get("from") for rule in rules if {"port": "http"} not in rule.get("ports", [])]


@pytest.mark.parametrize("name", SETS)
def test_the_admin_port_is_open_to_the_monitoring_namespace_alone(name):
    found = render(value_sets()[name])
    name = pod(found)["serviceAccountName"]
    policy = one(found, "NetworkPolicy", name)
    assert admitted(policy) == [[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]]
    assert policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/instance"] == name
    # A rule without peers, or without ports, would be for all.
    assert admitted({"spec": {"ingress": [{"ports": [{"port": "admin"}]}, {"from": []}]}}) == [None, []]


def test_the_mesh_tries_nothing_again():
    found = [each for name in ("prod", "mesh") for each in render(value_sets()[name])]
    services = [each for each in found if each["kind"] == "VirtualService"]
    assert len(services) == 2
    assert all(route["retries"] == {"attempts": 0} for each in services for route in each["spec"]["http"])


@pytest.mark.parametrize("name", SETS)
def test_every_configuration_is_one_that_serves(name, tmp_path):
    main = laid_out(config_of(render(value_sets()[name])), tmp_path)
    said = run(".venv/bin/gateway", "check", "-c", main)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_configuration_of_dev_answers_a_first_request(tmp_path):
    files = config_of(render(value_sets()["dev"]))
    main = laid_out(files, tmp_path)
    ports = {"0.0.0.0:8000": "127.0.0.1:{port}", "0.0.0.0:8001": "127.0.0.1:{admin}", "auto": "1"}
    text = main.read_text().replace("redis://gateway-redis:6379/0", "memory")
    for shown, real in ports.items():
        assert shown in text
        text = text.replace(shown, real)
    gateway = Gateway(tmp_path, text).start()
    try:
        said = requests.get(f"http://127.0.0.1:{gateway.port}/hello/you", timeout=5)
        assert (said.status_code, said.text) == (200, "Hello, you!\n")
        metrics = f"http://127.0.0.1:{gateway.admin_port}/metrics"
        assert requests.get(metrics, timeout=5).status_code == 401
        token = {"Authorization": f"Bearer {(tmp_path / 'admin-token').read_text()}"}
        # The observer, which tells them, comes a moment after the workers.
        wait_until(lambda: requests.get(metrics, headers=token, timeout=5).status_code == 200, "metrics are told")
    finally:
        gateway.stop()


def test_a_bad_configuration_stops_in_the_init_container_with_line_and_column(tmp_path):
    files = config_of(render(value_sets()["prod"]))
    main = laid_out(files | {"routes.yaml": "routes:\n  - {name: a, match: {path: /a}, upstrem: b}\n"}, tmp_path)
    command = pod(render())["initContainers"][0]["command"]
    said = run(f".venv/bin/{command[0]}", *command[1:-1], main)
    assert said.returncode != 0
    assert "routes.yaml:2:34: routes[0].upstrem: unknown key (did you mean `upstream`?)" in said.stdout + said.stderr


def test_a_secret_that_is_missing_is_named(tmp_path):
    main = laid_out(config_of(render(value_sets()["prod"])), tmp_path, secrets=["admin-token"])
    said = run(".venv/bin/gateway", "check", "-c", main)
    assert said.returncode != 0
    assert f"the file {tmp_path}/store cannot be read" in said.stdout + said.stderr
    items = [each["secret"]["items"] for each in pod(render(value_sets()["prod"]))["volumes"] if "secret" in each]
    assert items == [[{"key": "admin-token", "path": "admin-token"}, {"key": "store", "path": "store"}]]


PLANTED = [
    ("service.yaml", "appProtocol", "appProtocols", "appProtocols"),
    ("_pod.tpl", "containerPort: 8000", "containerPort: eight", "eight"),
    ("istio.yaml", "retries: {attempts: 0}", "retrys: {attempts: 0}", "VirtualService/gateway: Object literal"),
    ("istio.yaml", "mtls: {mode: STRICT}", "mtls: {mode: STRONG}", "PeerAuthentication/gateway: data/spec/mtls/mode"),
    ("monitoring.yaml", "path: /metrics", "paths: /metrics", "ServiceMonitor/gateway: Object literal"),
    ("scaling.yaml", "maxReplicaCount", "maxReplicas", "ScaledObject/gateway: Object literal"),
    ("httproute.yaml", "PathPrefix", "Prefix", "HTTPRoute/gateway: data/spec/rules/0/matches/0/path/type"),
    ("secret.yaml", "refreshInterval", "refreshIntervall", "ExternalSecret/gateway: Object literal"),
    (
        "availability.yaml",
        'updateMode: "Off"',
        'updateMode: "Never"',
        "VerticalPodAutoscaler/gateway: data/spec/updatePolicy",
    ),
]


def test_planted_mistakes_are_found(tmp_path):
    chart = tmp_path / "gateway"
    shutil.copytree(CHART, chart)
    for template_name, right, wrong, _ in PLANTED:
        file = chart / "templates" / template_name
        assert right in file.read_text()
        file.write_text(file.read_text().replace(right, wrong))
    found = [each for name in ("prod", "staging") for each in render(value_sets()[name], chart)]
    said = core_complaints(found, tmp_path) + "\n".join(other_complaints(found))
    assert [each for *_, each in PLANTED if each not in said] == []


def test_a_template_that_is_broken_is_found(tmp_path):
    chart = tmp_path / "gateway"
    shutil.copytree(CHART, chart)
    file = chart / "templates" / "service.yaml"
    file.write_text(file.read_text().replace("{{ include", "{{ inclde", 1))
    said = helm("lint", "--strict", chart)
    assert said.returncode != 0
    assert "inclde" in said.stdout + said.stderr
