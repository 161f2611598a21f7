"""`/api/workers`: what the workers of the host do and, on request, what they hold."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

import falcon

from gateway.admin.identity import answer
from gateway.admin.resource import Resource
from gateway.observability.metrics.worker_stats import VitalsRegion, WorkerStats
from gateway.state import SharedMemory, SharedMemoryError, Worker

#: how long workers may take to count, seconds; who has not by then is shown without
COUNTED_WITHIN: Final = 2.0


class Workers(Resource):
    """GET /api/workers"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the living workers of this host; with `?deep=true` each has counted what it holds, just now."""
        page = self._site.page
        counted = census(page) if req.get_param_as_bool("deep") else {}
        rows = []
        for worker in page.workers():
            found = counted.get(worker.pid)
            rows.append(worker_row(worker) | ({} if found is None else {"holds": _held(found)}))
        answer(resp, rows)


def census(page: SharedMemory) -> dict[int, WorkerStats]:
    """pid -> what it holds, of the workers that have counted within COUNTED_WITHIN."""
    try:
        region = VitalsRegion.of(page)
    except SharedMemoryError:  # of a master before this version (USR2)
        return {}
    page.census.add(1)
    wanted = page.census.load()
    until = time.monotonic() + COUNTED_WITHIN
    while True:
        found = region.read(page.owners()).values()
        behind = [each for each in found if each.census < wanted]
        if not behind or time.monotonic() > until:
            return {each.pid: each for each in found if each.census >= wanted}
        time.sleep(0.02)


def _held(found: WorkerStats) -> dict[str, Any]:
    return {
        "private_memory": found.private,
        "descriptors": found.descriptors,
        "objects": found.objects,
        "greenlets": found.greenlets,
        "blocks": found.blocks,
    }


def worker_row(worker: Worker) -> dict[str, Any]:
    """A worker as JSON."""
    return {
        "pid": worker.pid,
        "state": worker.state.name.lower(),
        "version": worker.version,
        "generation": worker.generation,
        "connections": worker.connections,
        "requests": worker.requests,
        "memory": worker.memory,
        "started": datetime.fromtimestamp(worker.started, UTC).isoformat(timespec="milliseconds"),
    }
