"""Preflight requests of browsers (Fetch standard, CORS protocol)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.contracts import RoutePlan


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """Whether an OPTIONS request asks what a page may send, rather than being meant for the upstream."""
    return "HTTP_ORIGIN" in environ and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def has_cors(route: RoutePlan) -> bool:
    """Whether a route answers preflights."""
    return any(step.name == "cors" for step in route.steps)
