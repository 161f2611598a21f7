"""The chart as helm makes objects of it, and the tools that look at them."""

import json
import re
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "k8s" / "charts" / "gateway"
TOOLS = ROOT / "build" / "deliver"
GOLDEN = Path(__file__).parent / "golden"
ENVIRONMENTS = ("dev", "staging", "prod")
CORE = {"v1", "apps/v1", "policy/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "autoscaling/v2"}
Object = dict[str, Any]


def run(*command: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)


@cache
def installed() -> None:
    """The tools are there; the first who asks waits for them."""
    subprocess.run([ROOT / "tools" / "deliver" / "install.sh"], check=True, timeout=900)


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    installed()
    return run(TOOLS / "bin" / "helm", *arguments)


def value_sets(chart: Path = CHART) -> dict[str, list[Path]]:
    """Every set of values by its name: none, those of the chart's folder ci, those of the environments."""
    sets = {"default": []} | {path.stem.removesuffix("-values"): [path] for path in (chart / "ci").glob("*.yaml")}
    for each in ENVIRONMENTS:
        folder = chart.parents[1] / "environments" / each
        sets[each] = sorted(folder.glob("*.yaml"), key=lambda path: path.name != "values.yaml")
    return sets


def template(
    values: Iterable[Path | str] = (), chart: Path = CHART, namespace: str = "gateway", more: Iterable[str] = ()
) -> str:
    said = helm("template", "gateway", chart, "--namespace", namespace, *(f"--values={path}" for path in values), *more)
    assert said.returncode == 0, said.stderr
    return said.stdout


def objects(text: str) -> list[Object]:
    return [each for each in yaml.safe_load_all(text) if each]


def render(values: Iterable[Path | str] = (), chart: Path = CHART, **options: Any) -> list[Object]:
    return objects(template(values, chart, **options))


def one(found: list[Object], kind: str, name: str = "gateway") -> Object:
    (it,) = [each for each in found if each["kind"] == kind and each["metadata"]["name"] == name]
    return it


def pod(found: list[Object]) -> Object:
    """The gateway's pod, whoever makes it."""
    pods = [each["spec"]["template"]["spec"] for each in found if each["kind"] in ("Deployment", "Rollout")]
    (it,) = [each for each in pods if each["containers"][0]["name"] == "gateway"]
    return it


def refused(*arguments: str) -> str:
    """What helm says instead of objects."""
    said = helm("template", "gateway", CHART, *arguments)
    assert said.returncode != 0, "helm takes it"
    return said.stderr


def of_core(found: list[Object]) -> list[Object]:
    return [each for each in found if each["apiVersion"] in CORE]


def of_others(found: list[Object]) -> list[Object]:
    return [each for each in found if each["apiVersion"] not in CORE]


def core_complaints(found: list[Object], folder: Path) -> str:
    """What Kubernetes 1.37 has against objects of its own kinds."""
    file = folder / "core.yaml"
    different = {json.dumps(each): each for each in of_core(found)}
    file.write_text(yaml.safe_dump_all(different.values()))
    said = run(TOOLS / "venv" / "bin" / "kubernetes-validate", "--strict", "-k", "1.37", "--quiet", file)
    return "" if said.returncode == 0 else said.stdout + said.stderr


def other_complaints(found: list[Object]) -> list[str]:
    """What those who define them have against custom resources."""
    # Those that several sets of values have alike are looked at once.
    different = {json.dumps(each): each for each in of_others(found)}
    modules = TOOLS / "npm" / "node_modules"
    said = run("node", "tools/deliver/crds.mjs", modules, stdin=json.dumps(list(different.values())))
    assert said.returncode == 0, said.stderr
    return [f"{each['object']}: {each['message']}" for each in json.loads(said.stdout)]


def config_of(found: list[Object]) -> dict[str, str]:
    (files,) = [each["data"] for each in found if each["kind"] == "ConfigMap" and "gateway.yaml" in each["data"]]
    return files


def laid_out(files: dict[str, str], folder: Path, secrets: Iterable[str] = ("admin-token", "store")) -> Path:
    """The configuration in a folder, with secrets beside it instead of in /run/secrets; the path of gateway.yaml."""
    for name in secrets:
        text = "redis://127.0.0.1:6379/0" if name == "store" else "a-token-of-thirty-two-characters!"
        (folder / name).write_text(text)
    for name, text in files.items():
        (folder / name).write_text(text.replace("/run/secrets/gateway/", f"{folder}/"))
    return folder / "gateway.yaml"


def short(found: list[Object]) -> list[Object]:
    """Without long texts, which have tests of their own."""
    kept = [each for each in found if each["kind"] != "PrometheusRule"]
    for each in kept:
        if each["kind"] == "ConfigMap":
            each["data"] = {name: f"{len(text.splitlines())} lines" for name, text in each["data"].items()}
    return kept


def golden(name: str) -> str:
    """What is kept of a set of values: what the default makes, or what is otherwise."""
    default = short(render())
    found = (
        default if name == "default" else [each for each in short(render(value_sets()[name])) if each not in default]
    )
    return re.sub(r"(?m)[ \t]+$", "", yaml.safe_dump_all(found, width=150, sort_keys=False))


KEPT = ("default", "own", "keda", "mesh")

if __name__ == "__main__":
    for each in KEPT:
        (GOLDEN / f"{each}.yaml").write_text(golden(each))
