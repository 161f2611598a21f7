"""gunicorn_h1c compiled without SSE 4.2: valgrind does not know the instruction (pcmpestri 0x04) it parses with."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from pathlib import Path

PARTS = {"_parser": "pico_parser_module.c", "_parser_fast": "pico_parser_fast.c", "_protocol": "pico_protocol.c"}
PICO = "picohttpparser"
ASK = """
import json, sysconfig, pathlib, gunicorn_h1c
print(json.dumps([str(pathlib.Path(gunicorn_h1c.__file__).parent), sysconfig.get_path("include"),
                  sysconfig.get_config_var("EXT_SUFFIX")]))
"""


class NotCompiled(Exception):
    """Something that could not be compiled; the message is the compiler's."""


def compile_shared(sources: list[Path], target: Path, *flags: str) -> None:
    """A shared object of C sources."""
    command = ["cc", "-O3", "-w", "-DNDEBUG", "-shared", "-fPIC", *flags, *map(str, sources), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NotCompiled(f"{target.name} cannot be compiled: {done.stderr.strip()[-500:]}")


def plain_parser(python: Path, folder: Path) -> Path | None:
    """A folder to put first on this interpreter's PYTHONPATH; None where the package works under valgrind as it is."""
    if platform.machine() not in ("x86_64", "i686"):
        return None
    asked = subprocess.run([str(python), "-c", ASK], capture_output=True, text=True, check=True)
    package, include, suffix = json.loads(asked.stdout)
    target = folder / "plain" / "gunicorn_h1c"
    shutil.copytree(package, target)
    for part, source in PARTS.items():
        module = target / f"{part}{suffix}"
        module.unlink()
        includes = [f"-I{place}" for place in (include, target, target / PICO)]
        compile_shared([target / source, target / PICO / f"{PICO}.c"], module, *includes)
    return target.parent
