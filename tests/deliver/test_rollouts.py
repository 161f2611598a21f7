"""Blue-green and canary: what helm makes of them, and what their analysis says of versions that are good and bad."""

import copy
import math
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deliver.charting import core_complaints, one, other_complaints, refused, render

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.deliver
MESH = ("--set=istio.enabled=true", "--set=istio.hosts={api.example}")


def made(strategy: str, *more: str) -> list[dict]:
    return render(namespace="edge", more=[f"--set=rollout.strategy={strategy}", *more])


@pytest.fixture(scope="module")
def blue_green():
    return made("blueGreen", "--set=autoscaling.mode=hpa", "--set=rollout.analysis.smoke.path=/status")


@pytest.fixture(scope="module")
def canary():
    return made("canary", *MESH)


def slips(blue_green: list[dict]) -> list[dict]:
    """Two objects with a mistake each, and a name that says so."""
    rollout = copy.deepcopy(one(blue_green, "Rollout"))
    rollout["spec"]["strategy"]["blueGreen"]["autoPromotion"] = True
    analysis = copy.deepcopy(one(blue_green, "AnalysisTemplate", "gateway-live"))
    analysis["spec"]["metrics"][0]["failureLimit"] = [1]
    for each in (rollout, analysis):
        each["metadata"]["name"] = "slip"
    return [rollout, analysis]


def test_what_is_made_is_what_kubernetes_and_argo_know_and_a_slip_is_found(blue_green, canary, tmp_path):
    unwatched = made("blueGreen", "--set=rollout.analysis.enabled=false")
    found = [*blue_green, *canary, *made("canary"), *made("slots"), *unwatched]
    assert {"Rollout", "AnalysisTemplate"} <= {each["kind"] for each in found}
    assert core_complaints(found, tmp_path) == ""
    # Most objects of these are alike.
    custom = [each for each in found if each["apiVersion"].startswith(("argoproj.io", "networking.istio.io"))]
    different = [each for index, each in enumerate(custom) if each not in custom[:index]]
    said = other_complaints([*different, *slips(blue_green)])
    assert [each for each in said if "/slip: " not in each] == []
    assert any("autoPromotion" in each and "does not exist" in each for each in said)
    assert any(each.startswith("AnalysisTemplate/slip") and "failureLimit" in each for each in said)


def test_blue_green_takes_the_place_of_the_deployment(blue_green):
    spec = one(blue_green, "Rollout")["spec"]
    strategy = spec["strategy"]["blueGreen"]
    assert "Deployment" not in {each["kind"] for each in blue_green}
    assert {strategy["activeService"], strategy["previewService"]} <= {
        each["metadata"]["name"] for each in blue_green if each["kind"] == "Service"
    }
    for moment in ("prePromotionAnalysis", "postPromotionAnalysis"):
        for used in strategy[moment]["templates"]:
            wanted = {
                each["name"] for each in one(blue_green, "AnalysisTemplate", used["templateName"])["spec"]["args"]
            }
            assert {each["name"] for each in strategy[moment]["args"]} == wanted
    assert strategy["scaleDownDelaySeconds"] == 600
    assert spec["progressDeadlineAbort"] is True
    assert "replicas" not in spec
    target = one(blue_green, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "gateway"}


def test_its_pod_is_that_of_the_deployment(blue_green):
    assert (
        one(blue_green, "Rollout")["spec"]["template"]["spec"]["containers"]
        == (one(made("rolling"), "Deployment")["spec"]["template"]["spec"]["containers"])
    )


def test_a_canary_goes_by_requests_in_a_mesh_and_by_pods_elsewhere(canary):
    strategy = one(canary, "Rollout")["spec"]["strategy"]["canary"]
    route = strategy["trafficRouting"]["istio"]["virtualService"]
    (http,) = [
        each for each in one(canary, "VirtualService", route["name"])["spec"]["http"] if each["name"] in route["routes"]
    ]
    weights = {each["destination"]["host"]: each["weight"] for each in http["route"]}
    assert weights == {strategy["stableService"]: 100, strategy["canaryService"]: 0}
    assert [each["setWeight"] for each in strategy["steps"][::2]] == [5, 25, 50]
    assert all("analysis" in each for each in strategy["steps"][1::2])
    assert "trafficRouting" not in one(made("canary"), "Rollout")["spec"]["strategy"]["canary"]


def test_slots_are_two_deployments_and_a_service_that_selects_one():
    slots = made(
        "slots", "--set=rollout.slots.blue=1.0.0", "--set=rollout.slots.green=2.0.0", "--set=rollout.slots.active=green"
    )
    images = {}
    for slot in ("blue", "green"):
        spec = one(slots, "Deployment", f"gateway-{slot}")["spec"]
        assert spec["selector"]["matchLabels"]["slot"] == slot == spec["template"]["metadata"]["labels"]["slot"]
        images[slot] = spec["template"]["spec"]["containers"][0]["image"]
    assert images == {"blue": "registry.example/gateway:1.0.0", "green": "registry.example/gateway:2.0.0"}
    assert one(slots, "Service")["spec"]["selector"]["slot"] == "green"
    assert one(slots, "Service", "gateway-preview")["spec"]["selector"]["slot"] == "blue"
    assert "slot" not in one(slots, "Service", "gateway-admin")["spec"]["selector"]


def test_the_file_that_a_promotion_edits_is_one_that_helm_takes():
    assert one(render([ROOT / "k8s/rollouts/slots.yaml"]), "Service")["spec"]["selector"]["slot"] == "blue"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("rollout.strategy=bluegreen", "at '/rollout/strategy'"),
        ("rollout.slots.active=red", "at '/rollout/slots/active'"),
        ("rollout.analysis.error=1", "additional properties 'error' not allowed"),
        ("rollout.keepOld=5", "at '/rollout/keepOld': minimum: got 5, want 30"),
        ("rollout.canary.steps={100}", "at '/rollout/canary/steps/0'"),
        (
            "rollout.strategy=blueGreen,istio.enabled=true,istio.hosts={a.example},rollout.analysis.smoke.path=/status",
            "rollout.analysis.smoke.path: the mesh lets in the ingress alone",
        ),
    ],
)
def test_values_that_are_none_are_refused(given, said):
    assert said in refused("--set", given)


def requests(pod: str, status: str, each: int) -> tuple[str, str]:
    labels = f'namespace="edge",pod="gateway-{pod}-x",route="item",method="GET",status_class="{status}"'
    return f"http_server_requests_total{{{labels}}}", f"0+{each}x120"


def some_fail(pod: str) -> list[tuple[str, str]]:
    return [requests(pod, "2xx", 95), requests(pod, "5xx", 5)]


def own_time(pod: str, *buckets: tuple[str, int]) -> list[tuple[str, str]]:
    labels = f'namespace="edge",pod="gateway-{pod}-x",route="item"'
    return [(f'gateway_request_own_seconds_bucket{{{labels},le="{le}"}}', f"0+{each}x120") for le, each in buckets]


def gauge(name: str, value: float, pod: str = "new", more: str = "") -> tuple[str, str]:
    return f'{name}{{namespace="edge",pod="gateway-{pod}-x"{more}}}', f"{value}x120"


MISTAKES = "gateway_config_mistakes"
FIRING = ',name="a",severity="page",state="firing"'
FAST, SLOW = (
    (("0.01", 10), ("0.05", 10), ("0.1", 10), ("+Inf", 10)),
    (("0.01", 0), ("0.05", 0), ("0.1", 10), ("+Inf", 10)),
)
#: (template, metric, series, what Prometheus answers, whether the version is good)
CASES = [
    ("live", "errors", [requests("new", "2xx", 100), requests("old", "2xx", 100)], 0, True),
    ("live", "errors", [*some_fail("new"), requests("old", "2xx", 100)], 0.05, False),
    ("live", "errors", [*some_fail("new"), *some_fail("old")], 0, True),
    ("live", "errors", [requests("new", "5xx", 1)], 1, False),
    ("live", "errors", [requests("new", "2xx", 1), requests("old", "2xx", 0)], 0, True),
    ("live", "errors", [requests("new", "2xx", 0), requests("old", "5xx", 100)], math.nan, True),
    ("live", "errors", [requests("old", "5xx", 100)], None, True),
    ("live", "own-time", own_time("new", *FAST) + own_time("old", *SLOW), 0.0099, True),
    ("live", "own-time", own_time("new", *SLOW) + own_time("old", *FAST), 0.0995, False),
    ("live", "workers", [gauge("gateway_workers", 2), gauge("gateway_workers", 0, "old")], 2, True),
    ("live", "workers", [gauge("gateway_workers", 0), gauge("gateway_workers", 2, "old")], 0, False),
    ("live", "workers", [gauge("gateway_workers", 2, "old")], None, False),
    ("live", "alerts", [gauge("gateway_alerts", 0, more=FIRING), gauge("gateway_alerts", 1, "old", FIRING)], 0, True),
    ("live", "alerts", [gauge("gateway_alerts", 1, more=FIRING)], 1, False),
    ("live", "alerts", [gauge("gateway_alerts", 1, more=FIRING.replace("page", "warn"))], None, True),
    ("preview", "workers", [gauge("gateway_workers", 1)], 1, True),
    ("preview", "workers", [], None, False),
    ("preview", "configuration", [gauge(MISTAKES, 0), gauge(MISTAKES, 3, "old")], 0, True),
    ("preview", "configuration", [gauge(MISTAKES, 3)], 3, False),
    ("preview", "targets", [gauge("gateway_target_up", 1), gauge("gateway_target_up", 0, "old")], 1, True),
    ("preview", "targets", [gauge("gateway_target_up", 0, more=',target="a"')], 0, False),
    ("preview", "targets", [], None, True),
    ("preview", "loop-lag", [gauge("gateway_worker_loop_lag_max_seconds", 0.01)], 0.01, True),
    ("preview", "loop-lag", [gauge("gateway_worker_loop_lag_max_seconds", 2)], 2, False),
]  # fmt: skip


def metric_of(blue_green, template: str, name: str) -> dict:
    metrics = one(blue_green, "AnalysisTemplate", f"gateway-{template}")["spec"]["metrics"]
    (metric,) = [each for each in metrics if each["name"] == name]
    return metric


def query_of(metric: dict) -> str:
    return metric["provider"]["prometheus"]["query"].replace("{{args.new}}", "new").replace("{{args.old}}", "old")


def answers(query: str, series: list[tuple[str, str]], wanted: float | None, folder: Path) -> str:
    """What promtool says when Prometheus does not answer what is wanted."""
    expected = [{"labels": "{}", "value": 1}]
    if wanted is None:
        asked, expected = query, []
    elif math.isnan(wanted):
        asked = f"({query}) != bool ({query})"
    else:
        asked = f"abs(({query}) - {wanted}) < bool 1e-9"
    test = {
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in series],
        "promql_expr_test": [{"expr": asked, "eval_time": "20m", "exp_samples": expected}],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump({"evaluation_interval": "15s", "tests": [test]}))
    done = subprocess.run(
        ("promtool", "test", "rules", "test.yaml"), cwd=folder, capture_output=True, text=True, timeout=30
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def holds(condition: str, result: list[float]) -> bool:
    """What a condition says: those of the chart are Python but for their `||` and `&&`."""
    known = {"__builtins__": {}, "len": len, "isNaN": math.isnan, "result": result}
    return eval(condition.replace("||", " or ").replace("&&", " and "), known)


@pytest.mark.parametrize(("template", "name", "series", "answer", "good"), CASES)
def test_a_version_is_told_good_from_bad(blue_green, tmp_path, template, name, series, answer, good):
    metric = metric_of(blue_green, template, name)
    assert answers(query_of(metric), series, answer, tmp_path) == ""
    assert holds(metric["successCondition"], [] if answer is None else [answer]) is good


def test_what_prometheus_does_not_answer_is_noticed(blue_green, tmp_path):
    query = query_of(metric_of(blue_green, "live", "errors"))
    assert "got:" in answers(query, [requests("new", "5xx", 1)], 0, tmp_path)


def test_every_metric_has_a_good_and_a_bad_case(blue_green):
    asked = {
        (template, metric["name"])
        for template in ("live", "preview")
        for metric in one(blue_green, "AnalysisTemplate", f"gateway-{template}")["spec"]["metrics"]
        if "prometheus" in metric["provider"]
    }
    for good in (True, False):
        assert {(template, name) for template, name, *_, verdict in CASES if verdict is good} == asked


def test_what_is_asked_for_is_what_the_gateway_tells(blue_green):
    told = {}
    for line in (ROOT / "docs/observe.md").read_text().splitlines():
        if len(cells := re.split(r" *\| *", line)[1:]) >= 4 and (names := re.findall(r"`([a-z_]+)`", cells[0])):
            told |= {name: set(re.findall(r"`([a-z_]+)`", cells[2])) | {"namespace", "pod"} for name in names}
    for template in ("live", "preview"):
        for metric in one(blue_green, "AnalysisTemplate", f"gateway-{template}")["spec"]["metrics"]:
            for name, labels in re.findall(
                r"(\w+)\{([^{}]*)\}", query_of(metric) if "prometheus" in metric["provider"] else ""
            ):
                assert set(re.findall(r"(\w+)=", labels)) <= told[name.removesuffix("_bucket")], name
