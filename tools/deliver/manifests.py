"""Writes what is made of the chart: its exported files, k8s/base and k8s/overlays; manifests.py [--check].

What every environment has alike is in the base, the rest in the overlay of its environment.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "k8s" / "charts" / "gateway"
HELM = ROOT / "build" / "deliver" / "bin" / "helm"
ENVIRONMENTS = ("dev", "staging", "prod")
MADE = "# Made by `make manifests` of k8s/charts/gateway and k8s/environments; not to be changed by hand.\n"
Object = dict[str, Any]


class Dumper(yaml.SafeDumper):
    """Texts of several lines as they are read; nothing is said twice by a reference."""

    def ignore_aliases(self, data: object) -> bool:
        """Never a reference."""
        return True


def _text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, _text)


def dump(objects: list[Object]) -> str:
    """A YAML file of them."""
    return MADE + yaml.dump_all(
        objects, Dumper=Dumper, sort_keys=False, width=150, allow_unicode=True, explicit_start=True
    )


def render(environment: str) -> list[Object]:
    """The objects of an environment, as helm makes them for it."""
    folder = ROOT / "k8s" / "environments" / environment
    # What version it runs is a promotion's to say, which changes nothing but that: here it is the chart's own.
    values = [f"--values={folder / 'values.yaml'}"]
    command = [HELM, "template", "gateway", CHART, "--namespace", f"gateway-{environment}", *values]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise SystemExit(f"{environment}: {said.stderr}")
    return sorted((each for each in yaml.safe_load_all(said.stdout) if each), key=identity)


def identity(each: Object) -> tuple[str, str, str]:
    """What tells an object from every other."""
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


def exported() -> dict[Path, str]:
    """Rules and dashboard of the chart's own configuration, as the gateway exports them."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (CHART / "files" / "config").iterdir():
            text = path.read_text().replace("${file:/run/secrets/gateway/admin-token}", "x" * 32)
            (Path(folder) / path.name).write_text(text)
        files = CHART / "files" / "exported"
        return {
            files / "rules.yaml": _export(folder, "prometheus-rules"),
            files / "dashboard.json": _export(folder, "grafana"),
        }


def _export(folder: str, what: str) -> str:
    command = [ROOT / ".venv/bin/gateway", "export", what, "-c", f"{folder}/gateway.yaml"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def overlays() -> dict[Path, str]:
    """The files of k8s/base and k8s/overlays by their paths."""
    rendered = {environment: render(environment) for environment in ENVIRONMENTS}
    first, *others = rendered.values()
    common = [each for each in first if all(each in other for other in others)]
    base = ROOT / "k8s" / "base"
    files = {
        base / "gateway.yaml": dump(common),
        base / "kustomization.yaml": dump([_kustomization(["gateway.yaml"])]),
    }
    for environment, objects in rendered.items():
        folder = ROOT / "k8s" / "overlays" / environment
        own = _kustomization(["../../base", "gateway.yaml"]) | {"transformers": ["namespace.yaml"]}
        own["images"] = [{"name": "registry.example/gateway", "newTag": version_of(environment)}]
        files[folder / "gateway.yaml"] = dump([each for each in objects if each not in common])
        files[folder / "kustomization.yaml"] = dump([own])
        files[folder / "namespace.yaml"] = dump([_namespace(f"gateway-{environment}")])
    return files


def version_of(environment: str) -> str:
    """What an overlay runs: `kustomize edit set image` changes it, and it is kept."""
    file = ROOT / "k8s" / "overlays" / environment / "kustomization.yaml"
    if file.exists() and (images := yaml.safe_load(file.read_text()).get("images")):
        return str(images[0]["newTag"])
    return str(yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"])


def _kustomization(resources: list[str]) -> Object:
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources}


def _namespace(name: str) -> Object:
    # What stands in a namespace of somebody else's (a Role of the discovery) stays there.
    meta = {"name": "namespace", "namespace": name}
    return {"apiVersion": "builtin", "kind": "NamespaceTransformer", "metadata": meta, "unsetOnly": True}


def _write(files: dict[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def stale(files: dict[Path, str]) -> list[str]:
    """Which of them are not what they should be."""
    old = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    return [str(path.relative_to(ROOT)) for path in old]


def main() -> None:
    """Write them; with --check say which are stale."""
    if "--check" in sys.argv:
        old = stale(exported() | overlays())
        raise SystemExit(f"run `make manifests`; stale: {', '.join(old)}" if old else 0)
    _write(exported())
    _write(overlays())


if __name__ == "__main__":
    main()
