"""`gateway tune` from the configuration to the result."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from typing import Any

from gateway.cli.client import Problem, document_of
from gateway.config.model import Document
from gateway.server.machine import usable_cores
from gateway.server.memory import shares, usable_memory
from gateway.tuning.advice import Around, Target, advise
from gateway.tuning.config import Settings, changes
from gateway.tuning.measurement import Measured
from gateway.tuning.report import Result, as_json, as_text
from gateway.tuning.request import CannotTune, TargetRequest, ask_for, route_of
from gateway.tuning.sweep import Say, measure
from gateway.tuning.testbed import Testbed
from gateway.tuning.verdict import verdict

SOMAXCONN = "/proc/sys/net/core/somaxconn"
SOMAXCONN_DEFAULT = 4096  # Linux since 5.4


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command line says; `cores` None is all there are, `answer` is in bytes."""

    wish: TargetRequest
    rate: float | None
    p99: float | None
    cores: int | None
    memory: int | None
    is_echo: bool
    answer: int
    seconds: float


def run(config: str, plan: Plan, say: Say) -> tuple[dict[str, Any], str]:
    """Measure and advise: the result as JSON and as text. Raises CannotTune."""
    try:
        document = document_of(config)
    except Problem as problem:
        raise CannotTune(str(problem)) from None
    route = route_of(document, plan.wish, is_echo=plan.is_echo)
    ask = ask_for(route, plan.wish)
    here = usable_cores()
    target = Target(plan.cores or here, plan.rate, plan.p99, plan.memory)
    configured = Settings(
        document.server.workers or target.cores, document.server.connections, keepalive=document.server.keepalive
    )
    with Testbed(document, ask, is_echo=plan.is_echo, usable=here, answer=plan.answer) as stand:
        found = measure(stand, configured, target, plan.seconds, say)
    advice = advise(found, configured, target, Around(_cache(document, target, found), _somaxconn()))
    result = Result(
        document.file,
        f"{_cpu()}, {here} usable cores, Linux {platform.release()}, Python {platform.python_version()}",
        f"route {route.name}: {ask.method} {ask.target}",
        "echo on this machine" if plan.is_echo else f"upstream {route.upstream or 'of the route'}, as configured",
        target,
        configured,
        found,
        advice,
        tuple(verdict(found, advice, configured)),
        tuple(changes(document, route, is_echo=plan.is_echo)),
    )
    return as_json(result), as_text(result)


def _cache(document: Document, target: Target, found: Measured) -> int:
    """Bytes of memory that caches may fill in each of the advised workers of a pod."""
    if not any(route.cache for route in document.routes):
        return 0
    memory = (target.memory, True) if target.memory else usable_memory()
    return shares(document.server, memory, found.curve[0].settings.workers).cache


def _somaxconn() -> int:
    try:
        with open(SOMAXCONN, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return SOMAXCONN_DEFAULT


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            found = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.M)
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine() or os.uname().machine
