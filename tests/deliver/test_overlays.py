"""The overlays: current, the same as the chart makes, and what checkov thinks of them."""

import json
import shutil

import pytest
import yaml

from tests.deliver.charting import ENVIRONMENTS, ROOT, TOOLS, installed, objects, of_core, pod, render, run, value_sets
from tools.deliver import manifests

pytestmark = pytest.mark.deliver
#: What checkov finds and what stays as it is, and why.
ACCEPTED = {
    "CKV_K8S_15": "a tag is a version and never moves, so pulling again only makes a start depend on a registry",
    "CKV_K8S_38": "pods that find targets by EndpointSlices have a token, of a Role that lists and watches these alone",
    "CKV_K8S_43": "who signs images gives image.digest, which rules over the tag; these folders are to be read",
}


def kustomized(environment):
    installed()
    said = run(TOOLS / "bin" / "kubectl", "kustomize", ROOT / "k8s" / "overlays" / environment)
    assert said.returncode == 0, said.stderr
    return objects(said.stdout)


def by_name(found, namespace):
    """Each by what tells it from others, with the namespace that it gets."""
    return {
        (each["kind"], each["metadata"].get("namespace", namespace), each["metadata"]["name"]): each
        | {"metadata": {"namespace": namespace} | each["metadata"]}
        for each in found
    }


def findings(found, folder):
    """What checkov has against objects: (check, object).  It knows no Rollout, whose pods are those of a Deployment."""
    file = folder / "objects.yaml"
    as_deployment = {"apiVersion": "apps/v1", "kind": "Deployment"}
    known = [each | as_deployment if each["kind"] == "Rollout" else each for each in found]
    file.write_text(yaml.safe_dump_all(of_core(known)))
    said = run(
        TOOLS / "venv" / "bin" / "checkov",
        *("--framework", "kubernetes", "--skip-download", "--output", "json", "--quiet", "--compact"),
        *("--file", file),
    )
    told = json.loads(said.stdout)
    assert told["summary"]["passed"] > 50, said.stderr
    return {(each["check_id"], each["resource"]) for each in told["results"]["failed_checks"]}


def test_they_are_current():
    installed()
    assert manifests.stale(manifests.exported() | manifests.overlays()) == [], "run `make manifests`"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_kustomize_makes_what_helm_makes(environment):
    namespace = f"gateway-{environment}"
    (values,) = [path for path in value_sets()[environment] if path.name == "values.yaml"]
    kustomization = yaml.safe_load((ROOT / "k8s" / "overlays" / environment / "kustomization.yaml").read_text())
    tag = f"--set-string=image.tag={kustomization['images'][0]['newTag']}"
    expected = render([values], namespace=namespace, more=[tag])
    assert by_name(kustomized(environment), namespace) == by_name(expected, namespace)


def test_checkov_finds_what_is_accepted_and_no_more(tmp_path):
    found = [each for environment in ENVIRONMENTS for each in kustomized(environment)]
    assert {check for check, _ in findings(found, tmp_path)} == set(ACCEPTED)


def test_checkov_finds_a_planted_mistake(tmp_path):
    found = kustomized("prod")
    pod(found)["containers"][0]["securityContext"] |= {"privileged": True, "readOnlyRootFilesystem": False}
    assert {"CKV_K8S_16", "CKV_K8S_22"} <= {check for check, _ in findings(found, tmp_path)}


def test_a_value_that_is_changed_alone_makes_an_overlay_stale(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "k8s", tmp_path / "k8s")
    monkeypatch.setattr(manifests, "ROOT", tmp_path)
    monkeypatch.setattr(manifests, "CHART", tmp_path / "k8s" / "charts" / "gateway")
    assert manifests.stale(manifests.overlays()) == []
    values = tmp_path / "k8s" / "environments" / "staging" / "values.yaml"
    values.write_text(values.read_text() + "zones: ScheduleAnyway\n")
    assert manifests.stale(manifests.overlays()) == ["k8s/overlays/staging/gateway.yaml"]


def test_the_tag_of_an_overlay_is_left_to_who_promotes_it(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "k8s", tmp_path / "k8s")
    monkeypatch.setattr(manifests, "ROOT", tmp_path)
    file = tmp_path / "k8s" / "overlays" / "prod" / "kustomization.yaml"
    text = file.read_text()
    file.write_text(text.replace(manifests.version_of("prod"), "7.8.9"))
    assert manifests.version_of("prod") == "7.8.9"
    assert manifests.stale(manifests.overlays()) == []
