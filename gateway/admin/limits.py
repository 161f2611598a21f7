"""The buckets that owe the most, and a way to fill one."""

from __future__ import annotations

import logging
import re
from time import monotonic_ns
from typing import Any, Final

import falcon

from gateway.admin.identity import answer
from gateway.admin.site import Site
from gateway.errors import UNKNOWN_ENTRY, GatewayError
from gateway.limiting.limit import whole_seconds

log = logging.getLogger("gateway")

SHOWN: Final = 100
_ID: Final = re.compile(r"[0-9a-f]{16}")


class Limits:
    """GET /api/limits"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_head(self, req: falcon.Request, resp: falcon.Response) -> None:
        """As GET; falcon leaves the body out."""
        self.on_get(req, resp)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the buckets that take the longest to be full again."""
        buckets, now = self._site.limiting.buckets, monotonic_ns()
        rows = [self._row(key, tat - now) for key, tat in buckets.top(SHOWN, now)]
        counts = {"capacity": buckets.capacity, "used": buckets.used, "overflowed": buckets.overflowed}
        answer(resp, {**counts, "top": rows})

    def _row(self, number: int, owed_ns: int) -> dict[str, Any]:
        limit, key = self._site.limiting.keys.name(number) or (None, None)
        # A claim may hold what is no text: half a surrogate pair.
        key = None if key is None else key.encode("utf-8", "replace").decode()
        return {"id": f"{number:016x}", "limit": limit, "key": key, "full_in": whole_seconds(max(0, owed_ns))}


class OneLimit:
    """DELETE /api/limits/{id}"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_delete(self, req: falcon.Request, resp: falcon.Response, limit_id: str) -> None:
        """Fill one bucket."""
        number = int(limit_id, 16) if _ID.fullmatch(limit_id) else 0
        if not number or not self._site.limiting.buckets.reset(number):
            raise GatewayError(
                UNKNOWN_ENTRY, "No bucket of that id owes anything; GET /api/limits lists those that do."
            )
        log.warning("the bucket %s of a limit was filled by hand", limit_id)
        resp.status = 204
