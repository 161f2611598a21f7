"""Makes FOLDER/terraform, a command that knows no network, with a mirror of schema-only providers: mirror.py FOLDER.

The command is Terraform itself, out of the Python that runs this file. Every provider whose schema is committed is in
the mirror under its real address and version, so that `init`, `validate` and `test` run as they do elsewhere.
"""

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCHEMAS = HERE.parents[2] / "terraform" / "testing" / "schemas"
_RC = """provider_installation {{
  filesystem_mirror {{
    path = "{path}"
  }}
}}
disable_checkpoint = true
"""


def main(folder: Path, schemas: Path = SCHEMAS) -> None:
    """Everything is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    host = _host()
    for path in sorted(schemas.glob("*.json")):
        _provider(folder / "mirror" / host, path)
    (folder / "terraform.rc").write_text(_RC.format(path=folder / "mirror"))
    # The providers' certificates are kept under HOME by the library that speaks for them.
    _script(
        folder / "terraform",
        f"export TF_CLI_CONFIG_FILE='{folder}/terraform.rc' CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 HOME='{folder}'",
        "unset TF_LOG TF_CLI_ARGS TF_DATA_DIR TF_WORKSPACE TF_PLUGIN_CACHE_DIR",
        f"exec '{sys.executable}' '{HERE}/terraform.py' \"$@\"",
    )


def _host() -> str:
    """The host that Terraform takes an address without one to mean, as it says itself."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf").write_text('terraform {\n  required_providers { any = { source = "any/any" } }\n}\n')
        command = [sys.executable, HERE / "terraform.py", "providers"]
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    found = re.search(r"provider\[([^/\]]+)/any/any\]", said)
    if found is None:
        raise SystemExit(f"terraform names no host: {said}")
    return found[1]


def _provider(mirror: Path, schema: Path) -> None:
    facts = json.loads(schema.read_text())
    version, name = facts["version"], facts["source"].rpartition("/")[2]
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    folder = mirror / facts["source"] / version / f"linux_{machine}"
    _script(
        folder / f"terraform-provider-{name}_v{version}", f"exec '{sys.executable}' '{HERE}/provider.py' '{schema}'"
    )


def _script(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
