"""The admin listener's application: a Falcon app of its own, which knows nothing of proxied requests."""

from __future__ import annotations

from typing import Any

import falcon

from gateway.admin.access import Guard
from gateway.admin.context import Site
from gateway.admin.problems import add_handlers
from gateway.auth import admin as keys
from gateway.auth import revocation_admin as revocations
from gateway.cache import admin as cache
from gateway.control import proxy as behind
from gateway.control import resources, workers
from gateway.control.audit_middleware import Audited
from gateway.ratelimit import admin as limits
from gateway.upstream import admin as upstreams


def make_admin(site: Site) -> falcon.App[Any, Any]:
    """The WSGI application of the admin listener of one worker."""
    middleware: list[Any] = [Audited(site), Guard(site)]
    app = falcon.App(middleware=middleware)
    app.resp_options.default_media_type = None  # type: ignore[assignment]  # else what has no body gets a type
    add_handlers(app)
    app.add_route("/", resources.Index(site))
    app.add_route("/healthz", resources.Health(site))
    app.add_route("/readyz", resources.Readiness(site))
    app.add_route("/api/routes", resources.Routes(site))
    app.add_route("/api/config", resources.Config(site))
    app.add_route("/api/workers", workers.Workers(site))
    app.add_route("/api/upstreams", upstreams.Upstreams(site))
    app.add_route("/api/upstreams/{upstream}/targets/{target:path}", upstreams.TargetResource(site))
    app.add_route("/api/keys", keys.Keys(site))
    app.add_route("/api/keys/{key_id}", keys.KeyResource(site))
    app.add_route("/api/revocations", revocations.Revocations(site))
    app.add_route("/api/revocations/{entry_id}", revocations.RevocationResource(site))
    app.add_route("/api/limits", limits.Limits(site))
    app.add_route("/api/limits/{limit_id}", limits.LimitResource(site))
    app.add_route("/api/cache", cache.Cache(site))
    app.add_route("/api/reload", resources.Reload(site))
    behind.add_to(app, site)
    return app
