"""The buckets that owe the most, and a way to fill one."""

from __future__ import annotations

import logging
import re
from time import monotonic_ns
from typing import Any, Final

import falcon

from gateway.admin.context import Site
from gateway.admin.identity import answer
from gateway.admin.resource import Endpoint, Resource
from gateway.errors import STORE_UNAVAILABLE, UNKNOWN_ENTRY, GatewayError
from gateway.ratelimit import keys, penalty
from gateway.ratelimit.pace import whole_seconds
from gateway.state.store import StoreError

log = logging.getLogger("gateway")

SHOWN: Final = 100
_ID: Final = re.compile(r"[0-9a-f]{16}")
_SHARED_ID: Final = re.compile(r"[0-9a-f]{32}")


class Limits(Resource):
    """GET /api/limits"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the buckets that take the longest to be full again."""
        limiting, now = self._site.limiting, monotonic_ns()
        buckets, store = limiting.buckets, limiting.store
        rows = [self._row(key, tat - now) for key, tat in buckets.top(SHOWN, now)]
        counts = {"capacity": buckets.capacity, "used": buckets.used, "overflowed": buckets.overflowed}
        if store is None:
            answer(resp, {**counts, "top": rows})
            return
        refused = [_as_json(digits, "bucket", keys.parts(name), owed) for digits, name, owed in store.exact.lately()]
        health = {"is_down": store.scripts.is_down, "failures": store.scripts.failures}
        answer(resp, {**counts, "top": rows, "store": health, "refused": refused})

    def _row(self, number: int, owed_ns: int) -> dict[str, Any]:
        kind, owner = penalty.kind_of(number, self._site.limiting.keys.name)
        return _as_json(f"{number:016x}", kind, owner, owed_ns)


def _as_json(number: str, kind: str, owner: tuple[str, str] | None, owed_ns: int) -> dict[str, Any]:
    limit, key = owner or (None, None)
    # A claim may hold what is no text: half a surrogate pair.
    key = None if key is None else key.encode("utf-8", "replace").decode()
    return {"id": number, "kind": kind, "limit": limit, "key": key, "full_in": whole_seconds(max(0, owed_ns))}


class LimitResource:
    """DELETE /api/limits/{id}"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_delete(self, req: falcon.Request, resp: falcon.Response, limit_id: str) -> None:
        """Fill one bucket."""
        if not self._is_filled(limit_id):
            raise GatewayError(
                UNKNOWN_ENTRY, "No bucket of that id owes anything; GET /api/limits lists those that do."
            )
        log.warning("the bucket %s of a limit was filled by hand", limit_id)
        resp.status = 204

    def _is_filled(self, limit_id: str) -> bool:
        """Fill a bucket of this host, or one that all hosts share, and lift the penalty; whether there was one."""
        limiting = self._site.limiting
        if _ID.fullmatch(limit_id):
            return bool(int(limit_id, 16)) and penalty.unblock(limiting.buckets, int(limit_id, 16))
        if limiting.store is None or not _SHARED_ID.fullmatch(limit_id):
            return False
        try:
            return limiting.store.exact.clear(limit_id)
        except StoreError as error:
            raise GatewayError(STORE_UNAVAILABLE, "The store that the limit is held in is out of reach.") from error


ENDPOINTS: Final = (
    Endpoint("/api/limits", Limits, {"GET": "the buckets of limits that owe the most"}),
    Endpoint("/api/limits/{limit_id}", LimitResource, {"DELETE": "fill a bucket"}, "/api/limits/{id}"),
)
