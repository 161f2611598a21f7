"""Resources of the admin API. HEAD is GET without its body."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, Final

import falcon

from gateway import __version__
from gateway.admin.context import Site
from gateway.admin.problems import ConfigRefused
from gateway.admin.resource import Endpoint, Resource
from gateway.config import reader_process as child
from gateway.config import reload
from gateway.config.model import Document, Route
from gateway.config.publish import PlanDirectory
from gateway.contracts import Plan, RoutePlan
from gateway.control.workers import Workers
from gateway.errors import INTERNAL, RELOAD_INCOMPLETE, GatewayError
from gateway.features import hooks

SERVED_WITHIN: Final = child.TIMEOUT + 30  # seconds; another reading may have to end first
CONVERGED_WITHIN: Final = 30.0  # seconds
_ROWS_AT_ONCE: Final = 50  # well under a millisecond of work


class Index(Resource):
    """GET /"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List what there is."""
        _answer(resp, {"gateway": __version__, "endpoints": dict(_index())})


class Health(Resource):
    """GET /healthz"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The process lives, else there would be no answer."""
        _answer(resp, {"status": "alive"})


class Readiness(Resource):
    """GET /readyz"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Say whether requests are welcome; a reload that failed is told, and does not make the gateway unready."""
        store = self._site.store
        # NOTE: a worker that is replaced, or those of an older master (USR2), end while others serve all that comes.
        is_ending = self._site.draining and not self._site.page.is_served()
        body: dict[str, Any] = {
            "status": "draining" if is_ending else "ready",
            "version": store.document.version,
            "generation": store.generation,
        }
        last = PlanDirectory(self._site.runtime.path).outcome()
        if last is not None and last.complaints:
            body["reload_errors"] = [str(complaint) for complaint in last.complaints]
        resp.status = 503 if is_ending else 200
        _answer(resp, body)


class Routes(Resource):
    """GET /api/routes"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the routes in rank order."""
        store = self._site.store
        resp.content_type = falcon.MEDIA_JSON
        resp.stream = _route_rows(store.current, store.document)


class Config(Resource):
    """GET /api/config"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Show the configuration of this worker's plan."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = self._site.store.document.shown.encode()


class Reload:
    """POST /api/reload"""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Have the files read, and wait until every worker runs what is in them."""
        page, before = self._site.page, self._site.store.document.version
        number = reload.request_reload(page)
        if not reload.wait_until_served(page, number, SERVED_WITHIN):
            raise GatewayError(RELOAD_INCOMPLETE, f"The files were not read within {SERVED_WITHIN:g}s.")
        outcome = PlanDirectory(self._site.runtime.path).outcome()
        if outcome is None or outcome.wish < number:
            raise GatewayError(INTERNAL, "The files were read, but not what came of it.")
        if outcome.complaints:
            raise ConfigRefused(outcome.complaints)
        if not reload.wait_until_converged(page, outcome.generation, CONVERGED_WITHIN):
            pids = ", ".join(map(str, reload.workers_behind(page, outcome.generation)))
            raise GatewayError(RELOAD_INCOMPLETE, f"Generation {outcome.generation} is not yet run by worker {pids}.")
        changed = outcome.version != before
        _answer(resp, {"version": outcome.version, "generation": outcome.generation, "changed": changed})


def _answer(resp: falcon.Response, body: Any) -> None:
    resp.content_type = falcon.MEDIA_JSON
    resp.data = json.dumps(body, ensure_ascii=False).encode()


def _route_rows(plan: Plan, document: Document) -> Iterator[bytes]:
    """A JSON list in pieces; between them the hub serves others, for there may be ten thousand routes."""
    sources = {route.name: route for route in (*document.routes, *plan.own_routes)}
    plans = list({route.name: route for route in plan.routes}.values())
    separator = b"["
    for start in range(0, len(plans), _ROWS_AT_ONCE):
        rows = [_route_row(one, sources[one.name]) for one in plans[start : start + _ROWS_AT_ONCE]]
        yield separator + json.dumps(rows, ensure_ascii=False)[1:-1].encode()
        separator = b", "
        time.sleep(0)
    yield b"]" if plans else b"[]"


def _route_row(plan: RoutePlan, source: Route) -> dict[str, Any]:
    match, split, mirror = source.match, source.split, source.mirror
    return {
        "name": plan.name,
        "match": {
            "path": match.path,
            "methods": match.methods,
            "hosts": match.hosts,
            "headers": match.shown(match.headers),
            "query": match.shown(match.query),
        },
        "auth": source.access and source.access.use,
        "steps": [{"name": step.name, "where": step.where} for step in plan.steps],
        "upstream": plan.upstream,
        "split": split and [{"upstream": leg.upstream, "weight": leg.weight} for leg in split.legs],
        "mirror": mirror and {"upstream": mirror.upstream, "share": mirror.share},
        "where": plan.where,
    }


def _index() -> Iterator[tuple[str, str]]:
    """(method and path, what it does) of all endpoints, in the order of FEATURES."""
    for _, endpoints in hooks("admin"):
        for each in endpoints:
            yield from ((f"{method} {each.shown or each.path}", does) for method, does in each.does.items())


ENDPOINTS: Final = (
    Endpoint("/", Index),
    Endpoint("/healthz", Health, {"GET": "200 while the process lives"}),
    Endpoint("/readyz", Readiness, {"GET": "200 while it takes requests, 503 while it drains"}),
    Endpoint("/api/routes", Routes, {"GET": "the routes, the most specific first"}),
    Endpoint("/api/config", Config, {"GET": "the configuration, secrets hidden"}),
    Endpoint(
        "/api/workers",
        Workers,
        {"GET": "the workers and what each of them runs; with ?deep=true what each of them holds"},
    ),
)
RELOAD: Final = (
    Endpoint("/api/reload", Reload, {"POST": "read the configuration; answers once every worker runs it"}),
)
