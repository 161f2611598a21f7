"""What gevent patches, whoever else listens to it, and how often the installed packages are read."""

import subprocess
import sys
from pathlib import Path

IN_A_FRESH_PROCESS = """
import sys
from importlib import metadata

reads = []
ask = metadata.Distribution.discover
metadata.Distribution.discover = lambda *known, **more: reads.append(1) or ask(*known, **more)
sys.path.insert(0, sys.argv[1])
from gateway.server.gevent_patch import patch_all

before = metadata.entry_points
patch_all()
assert metadata.entry_points is before
assert len(reads) == 1, reads

from gevent import monkey
for name in ("socket", "ssl", "threading", "subprocess", "select", "time", "queue", "signal"):
    assert monkey.is_module_patched(name), name
import listens_to_gevent
assert listens_to_gevent.heard == ["GeventDidPatchAllEvent"], listens_to_gevent.heard
monkey.patch_all()  # as gunicorn's worker does
print("all well")
"""


def test_all_is_patched_and_packages_that_listen_are_told(tmp_path: Path) -> None:
    (tmp_path / "listens_to_gevent.py").write_text("heard = []\ndef told(event): heard.append(type(event).__name__)\n")
    package = tmp_path / "listens_to_gevent-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: listens-to-gevent\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[gevent.plugins.monkey.did_patch_all]\nme = listens_to_gevent:told\n")
    ran = subprocess.run(
        [sys.executable, "-c", IN_A_FRESH_PROCESS, str(tmp_path)],
        capture_output=True, text=True, timeout=30, cwd=Path(__file__).parents[3], check=False,
    )  # fmt: skip
    assert ran.stdout == "all well\n", ran.stderr
