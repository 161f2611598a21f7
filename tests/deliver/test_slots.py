"""Blue and green without a rollout controller: make promote and make rollback, against a kubectl made here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.deliver

#: Answers what the script asks of a cluster, keeps what it patches, and refuses all else.
KUBECTL = """#!{python}
import json, os, re, sys
path = os.environ["CLUSTER"]
cluster = json.load(open(path))
arguments = sys.argv[1:]
assert arguments[:2] == ["--namespace", "edge"], arguments
verb, *rest = arguments[2:]

def merge(old, new):
    for key, value in new.items():
        if value is None:
            old.pop(key, None)
        elif isinstance(value, dict):
            merge(old.setdefault(key, {{}}), value)
        else:
            old[key] = value

if verb == "get":
    found = cluster[rest[0]]
    path = re.fullmatch(r"jsonpath=\\{{\\.(.*)\\}}", rest[2])[1]
    for part in re.findall(r"[^.\\[\\]]+", path):
        found = found[int(part)] if isinstance(found, list) else (found or {{}}).get(part, "")
    sys.stdout.write(str(found))
elif verb == "rollout":
    sys.exit(0 if cluster[rest[1]]["status"].get("done", True) else "error: timed out waiting for the condition")
elif verb == "scale":
    number = int(re.fullmatch(r"--replicas=(\\d+)", rest[1])[1])
    cluster[rest[0]]["spec"]["replicas"] = cluster[rest[0]]["status"]["availableReplicas"] = number
    json.dump(cluster, open(path, "w"))
elif verb == "patch":
    assert rest[1:3] == ["--type=merge", "-p"], rest
    merge(cluster[rest[0]], json.loads(rest[3]))
    json.dump(cluster, open(path, "w"))
else:
    sys.exit(f"unknown command {{verb}}")
"""


def deployment(version: str, available: int = 3) -> dict:
    containers = [{"image": f"registry.example/gateway:{version}"}]
    spec = {"replicas": available, "template": {"spec": {"containers": containers}}}
    return {"spec": spec, "status": {"availableReplicas": available}}


class Cluster:
    def __init__(self, at: Path) -> None:
        self.file, self.bin = at / "cluster.json", at / "bin"
        self.bin.mkdir()
        (self.bin / "kubectl").write_text(KUBECTL.format(python=sys.executable))
        (self.bin / "kubectl").chmod(0o755)
        service = {"metadata": {}, "spec": {"selector": {"app.kubernetes.io/name": "gateway", "slot": "blue"}}}
        self.write(
            {
                "service/gw": service,
                "deployment/gw-blue": deployment("1.0.0"),
                "deployment/gw-green": deployment("2.0.0"),
            }
        )

    def write(self, state: dict) -> None:
        self.file.write_text(json.dumps(state))

    def read(self) -> dict:
        return json.loads(self.file.read_text())

    @property
    def selector(self) -> dict:
        return self.read()["service/gw"]["spec"]["selector"]

    def make(self, target: str, refused: bool = False) -> str:
        env = {"PATH": f"{self.bin}:{os.environ['PATH']}", "CLUSTER": str(self.file)}
        command = ["make", "--silent", target, "NAME=gw", "NAMESPACE=edge"]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30)
        assert (done.returncode != 0) is refused, done.stderr
        return done.stderr


@pytest.fixture
def cluster(tmp_path):
    return Cluster(tmp_path)


def test_a_promotion_changes_the_selector_and_a_rollback_changes_it_back(cluster):
    before = cluster.read()
    assert "service/gw selects green (registry.example/gateway:2.0.0)" in cluster.make("promote")
    assert cluster.selector == {"app.kubernetes.io/name": "gateway", "slot": "green"}
    assert "service/gw selects blue (registry.example/gateway:1.0.0)" in cluster.make("rollback")
    before["service/gw"]["metadata"]["annotations"] = {}
    assert cluster.read() == before


@pytest.mark.parametrize("verb", ["promote", "rollback"])
def test_who_takes_all_requests_has_as_many_pods_as_who_had_them(cluster, verb):
    state = cluster.read()
    if verb == "rollback":
        cluster.make("promote")
        state = cluster.read()
    active, idle = ("blue", "green") if verb == "promote" else ("green", "blue")
    state[f"deployment/gw-{active}"] = deployment("1.0.0", 12)
    cluster.write(state)
    cluster.make(verb)
    assert cluster.selector["slot"] == idle
    assert cluster.read()[f"deployment/gw-{idle}"]["spec"]["replicas"] == 12
    cluster.make("rollback" if verb == "promote" else "promote")
    assert cluster.read()[f"deployment/gw-{active}"]["spec"]["replicas"] == 12, "nothing is made fewer"


def test_a_rollback_is_never_a_promotion(cluster):
    assert "was not promoted since it was rolled back" in cluster.make("rollback", refused=True)
    cluster.make("promote")
    cluster.make("rollback")
    assert "was not promoted since it was rolled back" in cluster.make("rollback", refused=True)
    assert cluster.selector["slot"] == "blue"


@pytest.mark.parametrize("status", [{"availableReplicas": 0}, {}, {"availableReplicas": 1, "done": False}])
@pytest.mark.parametrize("verb", ["promote", "rollback"])
def test_nothing_is_sent_to_a_slot_that_is_not_there(cluster, verb, status):
    if verb == "rollback":
        cluster.make("promote")
    before = cluster.read()
    idle = "deployment/gw-" + ("green" if verb == "promote" else "blue")
    before[idle]["status"] = status
    cluster.write(before)
    assert f"{idle} " in (said := cluster.make(verb, refused=True))
    assert "nothing was changed" in said
    assert cluster.read() == before


def test_a_service_that_selects_no_slot_is_left_alone(cluster):
    state = cluster.read()
    del state["service/gw"]["spec"]["selector"]["slot"]
    cluster.write(state)
    assert "selects no slot" in cluster.make("promote", refused=True)
    assert cluster.read() == state
