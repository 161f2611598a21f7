"""Waiting for a Redis longer than a worker does: where other processes want the machine as well, it may be late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.state.redis import client as redis_client
from gateway.state.redis import scripts as redis_scripts
from tests.support.gateway import PATIENCE, ROOT

#: the same for a process of its own, from its first line on
SITE = f"""
import importlib.abc
import importlib.machinery
import sys

LONGER = {{
    "gateway.state.redis.client": "PATIENCE",
    "gateway.state.redis.scripts": "SUSPECT",
    "gateway.state.redis.store": "_WAIT",
}}


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in LONGER:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def run_and_change(module):
            run(module)
            assert hasattr(module, LONGER[name])
            setattr(module, LONGER[name], {PATIENCE})

        spec.loader.exec_module = run_and_change
        return spec


sys.meta_path.insert(0, Finder())
"""


@contextmanager
def patient() -> Iterator[None]:
    """What is opened in this process meanwhile. Not for tests of a Redis that is late: a worker's time is 0.1 s."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (redis_client, redis_scripts):
            patch.setattr(module, "PATIENCE", PATIENCE)
        patch.setattr(redis_scripts, "SUSPECT", PATIENCE)
        yield


def patient_env(folder: Path) -> dict[str, str]:
    """The environment of a gateway that is as patient; what makes it so is written into `folder`."""
    place = folder / "patient"
    place.mkdir(parents=True, exist_ok=True)
    (place / "sitecustomize.py").write_text(SITE)
    return {"PYTHONPATH": f"{place}:{ROOT}"}
