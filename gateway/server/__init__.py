"""The server: gunicorn's master and workers, listeners, TLS and HTTP/2.

Configurations of gunicorn that operators keep import `ahead`, `patching` and `site`: aliases of modules.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType


def _alias(former: str, module: str) -> None:
    """Let `gateway.server.<former>` be imported; the module behind it is loaded when a name is read from it."""
    alias = ModuleType(f"{__name__}.{former}", f"The former name of {module}.")
    alias.__dict__["__getattr__"] = lambda name: getattr(importlib.import_module(module), name)
    sys.modules[alias.__name__] = alias


_alias("ahead", "gateway.config.fork_reader")
_alias("patching", "gateway.server.gevent_patch")
_alias("site", "gateway.server.context")
