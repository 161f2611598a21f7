"""The upstreams and their targets: how they are, and what people want of them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any, Final

import falcon

from gateway._fast.target_stats import now_ms
from gateway.admin.context import Site
from gateway.admin.resource import Endpoint, Resource, unknown
from gateway.config.model import Document
from gateway.contracts import Plan
from gateway.errors import BAD_CHANGE, UNKNOWN_TARGET, GatewayError
from gateway.upstream import override
from gateway.upstream.admin_rows import upstream_row
from gateway.upstream.attempts import RetryingUpstream
from gateway.upstream.target_admin import TargetStatus, row
from gateway.upstream.target_state import advance
from gateway.upstream.targets import Target

log = logging.getLogger("gateway")

LARGEST_CHANGE: Final = 4096  # bytes of JSON


class Upstreams(Resource):
    """GET /api/upstreams"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the upstreams of this worker's plan; what is told of them is what all workers know together."""
        resp.content_type = falcon.MEDIA_JSON
        resp.stream = _rows(self._site.store.current, self._site.store.document)


class TargetResource:
    """GET and PATCH /api/upstreams/{upstream}/targets/{target}"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_head(self, req: falcon.Request, resp: falcon.Response, upstream: str, target: str) -> None:
        """As GET; falcon leaves the body out."""
        self.on_get(req, resp, upstream, target)

    def on_get(self, req: falcon.Request, resp: falcon.Response, upstream: str, target: str) -> None:
        """Show one target."""
        self._show(resp, *self._find(upstream, target))

    def on_patch(self, req: falcon.Request, resp: falcon.Response, upstream: str, target: str) -> None:
        """Change what people say of a target, for all workers; it outlives reloads, and a restart ends it."""
        attempts, found = self._find(upstream, target)
        mode, weight = read_change(req.bounded_stream.read(LARGEST_CHANGE + 1))
        before, after = advance(found.state.override, _changed, mode, weight)
        if not override.may_serve(before) and override.may_serve(after):
            found.state.come_back(now_ms())
        req.context.what = {"from": _word(before), "to": _word(after)}
        if before != after:
            told = override.NAMES[override.mode(after)], override.weight(after) or "as configured"
            log.warning("%s of %s by hand: %s, weight %s", found.address, upstream, *told)
        self._show(resp, attempts, found)

    def _find(self, upstream: str, target: str) -> tuple[RetryingUpstream, Target]:
        attempts = next((each for each in self._site.store.current.attempts if each.name == upstream), None)
        if attempts is None:
            names = (each.name for each in self._site.store.current.attempts)
            raise unknown(UNKNOWN_TARGET, "There is no upstream", upstream, names)
        found = next((each for each in attempts.fleet.targets if each.address == target), None)
        if found is None:
            addresses = (each.address for each in attempts.fleet.targets)
            raise unknown(UNKNOWN_TARGET, f"The upstream {upstream} has no target", target, addresses)
        return attempts, found

    def _show(self, resp: falcon.Response, attempts: RetryingUpstream, target: Target) -> None:
        spec = next(each for each in self._site.store.document.upstreams if each.name == attempts.name)
        look = TargetStatus(attempts.fleet, spec, now_ms())
        resp.content_type = falcon.MEDIA_JSON
        resp.data = _text(row(look, target, look.in_panic))


def read_change(body: bytes) -> tuple[int | None, int | None]:
    """(mode, weight) of a change, each None when it stays; weight 0 is the configured one. Raises GatewayError."""
    try:
        change = json.loads(body) if len(body) <= LARGEST_CHANGE else None
    except (ValueError, RecursionError):
        change = None
    if not isinstance(change, dict) or not change or not change.keys() <= {"state", "weight"}:
        raise GatewayError(BAD_CHANGE, 'Send JSON like {"state": "serve", "weight": 5}; either may be left out.')
    mode = weight = None
    if "state" in change:
        if change["state"] not in override.NAMES:
            raise GatewayError(BAD_CHANGE, "`state` is serve, drain or disable.")
        mode = override.NAMES.index(change["state"])
    if "weight" in change:
        weight = change["weight"]
        if weight is not None and (type(weight) is not int or not 1 <= weight <= override.MOST):
            most = f"{override.MOST:,}"
            raise GatewayError(BAD_CHANGE, f"`weight` is a whole number from 1 to {most}, or null for the configured.")
        weight = weight or 0
    return mode, weight


def _word(word: int) -> dict[str, Any]:
    """What people say of a target, in words."""
    return {"state": override.NAMES[override.mode(word)], "weight": override.weight(word) or "as configured"}


def _changed(word: int, mode: int | None, weight: int | None) -> int:
    """The word after a change."""
    return override.word(
        override.mode(word) if mode is None else mode, override.weight(word) if weight is None else weight
    )


def _rows(plan: Plan, document: Document) -> Iterator[bytes]:
    """A JSON list in pieces; between them the hub serves others: a target takes 10 us, and there may be a thousand."""
    specs = {spec.name: spec for spec in document.upstreams}
    separator = b"["
    for attempts in plan.attempts:
        row_of = upstream_row(attempts, specs[attempts.name])
        yield separator + _text({**row_of, "discovery": next(_discovery(plan, attempts), None)})
        separator = b", "
        time.sleep(0)
    yield b"]" if plan.attempts else b"[]"


def _discovery(plan: Plan, attempts: RetryingUpstream) -> Iterator[dict[str, Any]]:
    for follow in plan.follows:
        if follow.fleet is attempts.fleet:
            yield {"by": follow.source.name, "settled": follow.source.is_settled, "error": follow.source.error or None}


def _text(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


ENDPOINTS: Final = (
    Endpoint("/api/upstreams", Upstreams, {"GET": "the upstreams, how each of their targets is, and why"}),
    Endpoint(
        "/api/upstreams/{upstream}/targets/{target:path}",
        TargetResource,
        {"PATCH": "have a target drained, disabled, re-weighted or serving again"},
        "/api/upstreams/{upstream}/targets/{target}",
    ),
)
