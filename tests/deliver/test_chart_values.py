"""Values that are unusual, and values out of which no object of Kubernetes could be made."""

import json
import re

import pytest

from tests.deliver.charting import config_of, core_complaints, one, other_complaints, pod, refused, render

pytestmark = pytest.mark.deliver
SERVER = "config.files.gateway\\.yaml=server: {bind: %s\\, admin: 0.0.0.0:8001%s}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nameOverride=My_Edge", "at '/nameOverride'"),
        ("nameOverride=4edge", "at '/nameOverride'"),
        ("nameOverride=on", '"on" is no name of a Service'),
        ("labels.app\\.kubernetes\\.io/name=edge", "invalid propertyName 'app.kubernetes.io/name'"),
        ("labels.slot=blue", "invalid propertyName 'slot'"),
        (SERVER % ("127.0.0.1:8000", ""), "server.bind must have port 8000"),
        (SERVER % ("[127.0.0.1:8000\\, 0.0.0.0:9000]", ""), "server.bind must have port 8000"),
        (SERVER % ("localhost:8000", ""), "server.bind must have port 8000"),
        ("rollout.maxSurge=0%", "rollout.maxUnavailable are both 0"),
        ("rollout.strategy=canary,rollout.maxSurge=0%", "rollout.maxUnavailable are both 0"),
        (f"rollout.strategy=slots,image.digest=sha256:{'0' * 64}", "image.digest: with rollout.strategy slots"),
    ],
)
def test_what_no_cluster_would_take_or_serve_is_refused(given, said):
    assert said in refused("--set-string", given)


def test_what_yaml_takes_for_a_number_or_a_truth_stays_a_text(tmp_path):
    values = {
        "image": {"pullSecrets": ["123"]},
        "secrets": {"name": "123", "files": ["1", "true"], "env": ["NO"], "mode": "external", "adminToken": "1"}
        | {"external": {"store": "1", "path": "a: b"}},
        "discovery": {"namespaces": ["123"]},
        "monitoring": {"enabled": True, "namespace": "123"},
        "autoscaling": {"mode": "hpa", "adapter": True, "perSecond": 1_000_000},
        "upstreamScaling": {"a": {"namespace": "1", "deployment": "2", "routes": ["a.b"], "max": 1, "perPod": 1}},
        "istio": {"enabled": True, "hosts": ["a.example.com"], "tlsSecret": "123", "upstreams": ["1.2"]},
        "rollout": {"strategy": "blueGreen", "keepOld": 1_000_000},
    }
    file = tmp_path / "values.yaml"
    file.write_text(json.dumps(values))
    found = render([file])
    assert core_complaints(found, tmp_path) == ""
    assert other_complaints(found) == []
    assert one(found, "Rollout")["spec"]["strategy"]["blueGreen"]["scaleDownDelaySeconds"] == 1_000_000
    assert [each["name"] for each in pod(found)["containers"][0]["env"]] == ["NO"]


def test_upstreams_that_are_alike_in_the_mesh_are_told_apart():
    hosts = [f"payments-authorization-service.production-{zone}.svc" for zone in ("eu", "us")] + ["a-b.c", "a.b-c"]
    more = ["--set=istio.enabled=true", "--set=istio.hosts={a.example}", f"--set=istio.upstreams={{{','.join(hosts)}}}"]
    found = [each for each in render(more=more) if each["kind"] == "VirtualService" and "exportTo" in each["spec"]]
    assert [each["spec"]["hosts"] for each in found] == [[host] for host in hosts]
    assert len({each["metadata"]["name"] for each in found}) == len(hosts)


@pytest.mark.parametrize("strategy", ["rolling", "slots", "blueGreen"])
def test_a_gateway_with_certificates_is_asked_by_tls(strategy):
    tls = SERVER % ("0.0.0.0:8000", "\\, tls: {certificates: []}")
    found = render(more=[f"--set=rollout.strategy={strategy}", "--set-string", tls])
    ports = [port for each in found if each["kind"] == "Service" for port in each["spec"]["ports"]]
    assert {port["appProtocol"] for port in ports if port["name"] == "http"} == {"https"}
    assert {port["appProtocol"] for port in ports if port["name"] == "admin"} == {"http"}
    assert "tls" in config_of(found)["gateway.yaml"]


@pytest.mark.parametrize(
    ("keepalive", "seconds"), [("", "60s"), ("\\, keepalive: 30s", "24s"), ("\\, keepalive: 0s", "1s")]
)
def test_the_mesh_closes_a_connection_before_the_gateway_does(keepalive, seconds):
    more = ["--set=istio.enabled=true,istio.hosts={a.example},rollout.strategy=canary"]
    found = render(more=[*more, "--set-string", SERVER % ("0.0.0.0:8000", keepalive)])
    rules = [each["spec"] for each in found if each["kind"] == "DestinationRule"]
    assert [each["host"] for each in rules] == ["gateway", "gateway-preview"], "a canary's clients, too"
    assert {each["trafficPolicy"]["connectionPool"]["http"]["idleTimeout"] for each in rules} == {seconds}


def test_an_autoscaler_counts_the_requests_of_its_own_release_alone():
    found = render(more=["--set=autoscaling.mode=keda,autoscaling.inFlight=100"])
    (asked,) = [each for each in one(found, "ScaledObject")["spec"]["triggers"] if each["type"] == "prometheus"]
    pattern = asked["metadata"]["query"].split('pod=~"')[1].split('"')[0]
    names = ["gateway-5d8f9-x2x4z", "gateway-blue-5d8f9-x2x4z", "gateway-eu-5d8f9-x2x4z", "gateways-5d8f9-x2x4z"]
    assert [name for name in names if re.fullmatch(pattern, name)] == names[:2]
