"""What `_fast.ingress` decides, the slow and obvious way, for requests that come from no trusted proxy."""

from __future__ import annotations

import re
from typing import Any

from gateway.contracts import Plan
from gateway.http.path import InvalidTarget, canonical_path


def is_plain(path: str) -> bool:
    """Whether reading the path changes nothing and needs nothing decoded."""
    return bool(re.fullmatch(r"(?:/(?:[!-~])*)+", path)) and not re.search(r"//|/\.|[%\\#]", path)


def decided(plan: Plan, environ: dict[str, Any], started: float) -> dict[str, Any]:
    """The attributes that the exchange of a request has."""
    target, method = environ["RAW_URI"], environ["REQUEST_METHOD"]
    authority = environ.get("HTTP_HOST", "")
    host = re.sub(r":.*", "", authority).lower().rstrip(".") if not authority.startswith("[") else None
    path, _, query = target.partition("?")
    known = {
        "method": method,
        "target": target,
        "query": query,
        "authority": authority,
        "version": environ["SERVER_PROTOCOL"].removeprefix("HTTP/"),
        "scheme": environ["wsgi.url_scheme"],
        "peer": environ["REMOTE_ADDR"],
        "client": environ["REMOTE_ADDR"],
        "headers": environ["gateway.headers"],
        "params": None,
        "path": path,
    }
    if host is not None:
        known["host"] = host
    if "gateway.refusal" in environ:
        return known | {"route": plan.refused, "deadline": started + plan.refused.total}
    try:
        reading = canonical_path(path)
    except InvalidTarget:
        return known | {"route": plan.refused, "deadline": started + plan.refused.total}
    route, found = plan.table.match(host or "", method, reading.path, environ, query, reading.raw)
    known["path"] = reading.path
    if route is None:
        return known | {"route": plan.unmatched, "deadline": started + plan.unmatched.total, "state": {"allow": found}}
    return known | {"route": route, "params": found, "deadline": started + route.total}
