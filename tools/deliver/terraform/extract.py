"""Writes terraform/testing/schemas/PROVIDER.json: the facts of the types that terraform/ uses, from an npm package.

`extract.py FOLDER` reads FOLDER/cdktf-provider-*.tgz and writes the schemas. With `--check` it writes nothing, and ends
with 1 where a committed schema is another.
"""

import base64
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facts import Source

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = ROOT / "terraform" / "testing" / "schemas"
# On the plugin framework a struct is an attribute (`postrender = {…}`), with the older SDK a block (`timeouts {…}`).
NESTS = {"helm": True, "aws": False, "kubernetes": False, "random": False}
_USED = re.compile(r'^\s*(resource|data|mock_resource|mock_data)\s+"(\w+?)_(\w+)"', re.M)
_PACKAGE = "package/package.json"
_MAP = re.compile(r"sourceMappingURL=data:application/json;base64,(\S+)")


def used() -> dict[str, set[tuple[str, str]]]:
    """Which types the tree names, for each provider: (resources | data_sources, name without the provider)."""
    found: dict[str, set[tuple[str, str]]] = {name: set() for name in NESTS}
    for path in sorted(ROOT.glob("terraform/**/*.tf")):
        if ".terraform" in path.parts:
            continue
        for kind, provider, name in _USED.findall(path.read_text()):
            if provider in found:
                found[provider].add(("data_sources" if kind.endswith("data") else "resources", name))
    return found


def main(arguments: list[str]) -> int:
    """Read each package once, from its beginning to its end."""
    folder, check = Path(arguments[0]), "--check" in arguments
    stale = []
    for provider, types in used().items():
        archive = next(iter(sorted(folder.glob(f"cdktf-provider-{provider}-*.tgz"))), None)
        if archive is None:
            print(f"{provider}: there is no package in {folder}; its schema is left as it is")
            continue
        text = json.dumps(_extract(provider, archive, types), indent=1, sort_keys=True) + "\n"
        path = SCHEMAS / f"{provider}.json"
        if check and (not path.exists() or path.read_text() != text):
            stale.append(str(path.relative_to(ROOT)))
        elif not check:
            path.write_text(text)
        print(f"{provider}: {len(types)} types of {archive.name}")
    for name in stale:
        print(f"{name} is not what the package says; run: {sys.argv[0]} {folder}", file=sys.stderr)
    return 1 if stale else 0


def _extract(provider: str, archive: Path, types: set[tuple[str, str]]) -> dict[str, Any]:
    folders = {"provider": ("config", "")}
    for kind, name in types:
        folders[_folder(provider, kind, name)] = (kind, f"{provider}_{name}")
    facts: dict[str, Any] = {"resources": {}, "data_sources": {}}
    wanted = {f"package/lib/{folder}/index.js": folder for folder in folders}
    for name, text in _members(archive, {*wanted, _PACKAGE}):
        if name == _PACKAGE:
            facts |= _origin(json.loads(text))
            continue
        kind, resource = folders.pop(wanted[name])
        block = Source(_typescript(text), NESTS[provider]).root()
        if kind == "config":
            facts["config"] = block
        else:
            facts[kind][resource] = block
    if folders:
        raise SystemExit(f"{archive.name} has nothing of: {', '.join(sorted(folders))}")
    return facts


def _origin(package: dict[str, Any]) -> dict[str, str]:
    """The provider that the package was made of: its address without the host, and its version."""
    provider = package["cdktf"]["provider"]
    source = provider["name"].split("/", 1)[1]
    return {"source": source, "version": provider["version"], "from": f"{package['name']} {package['version']}"}


def _folder(provider: str, kind: str, name: str) -> str:
    dashed = name.replace("_", "-")
    return f"data-{provider}-{dashed}" if kind == "data_sources" else dashed


def _members(archive: Path, wanted: set[str]) -> Iterator[tuple[str, str]]:
    """Those of the files that are wanted, as they come: a package is read once."""
    with tarfile.open(archive) as package:
        for member in package:
            stream = package.extractfile(member) if member.name in wanted else None
            if stream:
                yield member.name, stream.read().decode()


def _typescript(javascript: str) -> str:
    """What the JavaScript was made of: its source map has it."""
    found = _MAP.search(javascript)
    if found is None:
        raise SystemExit("a file of the package has no source map")
    return str(json.loads(base64.b64decode(found[1]))["sourcesContent"][0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
