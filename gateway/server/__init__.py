"""The server: gunicorn's master and workers, listeners, TLS and HTTP/2.

Configurations of gunicorn that operators keep import `ahead`, `patching` and `site`: aliases of modules.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType


def _alias(former: str, module: str, **names: str) -> None:
    """Let `gateway.server.<former>` be imported; the module behind it is loaded when a name is read from it.

    `names` are former names of what it has, each with its present one.
    """
    alias = ModuleType(f"{__name__}.{former}", f"The former name of {module}.")

    def read(name: str) -> object:
        return getattr(importlib.import_module(module), names.get(name, name))

    alias.__dict__["__getattr__"] = read
    sys.modules[alias.__name__] = alias


_alias("ahead", "gateway.config.fork_reader", read_ahead="start_reading")
_alias("patching", "gateway.server.gevent_patch")
_alias("site", "gateway.server.context", the_site="server_context")
