"""Argo CD and Flux: what they are given is what they know, and both read the same files of the same environments."""

import copy
from pathlib import Path

import pytest
import yaml

from tests.deliver.charting import TOOLS, core_complaints, installed, objects, one, other_complaints, render, run

ROOT = Path(__file__).parents[2]
GITOPS = ROOT / "k8s/gitops"
ENVIRONMENTS = sorted(path.name for path in (ROOT / "k8s/environments").iterdir())
pytestmark = pytest.mark.deliver


def built(which: str) -> list[dict]:
    installed()
    done = run(TOOLS / "bin/kubectl", "kustomize", GITOPS / which)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


@pytest.fixture(scope="module")
def argo():
    return built("argocd")


@pytest.fixture(scope="module")
def flux():
    return built("flux")


def slips(argo: list[dict], flux: list[dict]) -> list[dict]:
    """Two objects with a mistake each, and a name that says so."""
    applications = copy.deepcopy(one(argo, "ApplicationSet"))
    applications["spec"]["template"]["spec"]["source"]["helm"]["valuesFiles"] = ["x"]
    release = copy.deepcopy(one(flux, "HelmRelease", "gateway-prod"))
    release["spec"]["upgrade"]["remediation"]["retries"] = "once"
    for each in (applications, release):
        each["metadata"]["name"] = "slip"
    return [applications, release]


def test_what_is_written_is_what_argo_and_flux_know_and_a_slip_is_found(argo, flux, tmp_path):
    own = [each for each in flux if each["kind"] != "Namespace"]
    said = other_complaints([*argo, *own, *slips(argo, flux)])
    assert [each for each in said if "/slip: " not in each] == []
    assert any("valuesFiles" in each and "does not exist" in each for each in said)
    assert any(each.startswith("HelmRelease/slip") and "retries must be integer" in each for each in said)
    assert core_complaints(flux, tmp_path) == ""


def test_every_file_is_written_into_the_list(argo, flux):
    for which in ("argocd", "flux"):
        listed = yaml.safe_load((GITOPS / which / "kustomization.yaml").read_text())["resources"]
        assert sorted([*listed, "kustomization.yaml"]) == sorted(path.name for path in (GITOPS / which).iterdir())


def test_both_read_the_chart_and_the_files_of_each_environment(argo, flux):
    source = one(argo, "ApplicationSet")["spec"]["template"]["spec"]["source"]
    assert (ROOT / source["path"] / "Chart.yaml").exists()
    for environment in ENVIRONMENTS:
        of_argo = [
            each.replace("{{ .path.basename }}", environment).lstrip("/") for each in source["helm"]["valueFiles"]
        ]
        chart = one(flux, "HelmRelease", f"gateway-{environment}")["spec"]["chart"]["spec"]
        own, *of_flux = [each.removeprefix("./") for each in chart["valuesFiles"]]
        assert own == f"{source['path']}/values.yaml"
        assert of_flux == of_argo
        there = {path.name for path in (ROOT / "k8s/environments" / environment).iterdir()}
        assert {Path(each).name for each in of_argo} >= there >= {"values.yaml", "version.yaml"}


def test_a_promotion_changes_what_is_rendered_and_nothing_else(tmp_path):
    values = ROOT / "k8s/environments/prod/values.yaml"
    version = tmp_path / "version.yaml"
    found = []
    for tag in ("1.2.3", "1.2.4"):
        text = (ROOT / "k8s/environments/prod/version.yaml").read_text()
        version.write_text(text.replace(yaml.safe_load(text)["image"]["tag"], tag))
        found.append(yaml.safe_dump_all(render([values, version])))
    assert found[0] != found[1]
    assert found[0].replace("gateway:1.2.3", "gateway:1.2.4") == found[1]


def test_each_environment_has_a_place_and_a_turn(argo, flux):
    steps = one(argo, "ApplicationSet")["spec"]["strategy"]["rollingSync"]["steps"]
    assert [each["matchExpressions"][0]["values"] for each in steps] == [["dev"], ["staging"], ["prod"]]
    after = {
        each["metadata"]["name"]: [other["name"] for other in each["spec"].get("dependsOn", [])]
        for each in flux
        if each["kind"] == "HelmRelease"
    }
    assert after == {"gateway-dev": [], "gateway-staging": ["gateway-dev"], "gateway-prod": ["gateway-staging"]}
    assert {each["metadata"]["name"] for each in flux if each["kind"] == "Namespace"} == {
        each["spec"]["targetNamespace"] for each in flux if each["kind"] == "HelmRelease"
    }
    waves = {each["kind"]: each["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave") for each in argo}
    assert waves == {"AppProject": "-1", "ApplicationSet": "0", "Application": None}


def outside(project: dict, environment: str) -> set[str]:
    """Namespaces of what an environment makes that a project does not let it into."""
    values = ROOT / "k8s/environments" / environment
    namespace = f"gateway-{environment}"
    found = render([values / "values.yaml", values / "version.yaml"], namespace=namespace)
    places = {each["metadata"].get("namespace", namespace) for each in found}
    assert namespace in places
    return places - {each["namespace"] for each in project["destinations"]}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_project_lets_in_what_an_environment_makes(argo, environment):
    assert outside(one(argo, "AppProject")["spec"], environment) == set()


def test_a_namespace_that_the_project_does_not_have_is_found(argo):
    project = copy.deepcopy(one(argo, "AppProject")["spec"])
    project["destinations"] = [each for each in project["destinations"] if each["namespace"].startswith("gateway-")]
    assert outside(project, "prod") == {"monitoring", "shop"}


def test_nothing_is_pulled_from_anywhere_else(argo, flux):
    (repository,) = one(argo, "AppProject")["spec"]["sourceRepos"]
    applications = [one(argo, "Application")["spec"], one(argo, "ApplicationSet")["spec"]["template"]["spec"]]
    assert {each["source"]["repoURL"] for each in applications} == {repository}
    assert one(flux, "GitRepository")["spec"]["url"] == repository
