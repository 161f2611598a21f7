"""The admin listener's application: a Falcon app of its own, which knows nothing of proxied requests."""

from __future__ import annotations

from typing import Any

import falcon

from gateway.admin.access import Guard
from gateway.admin.context import Site
from gateway.admin.problems import add_handlers
from gateway.control.audit_middleware import Audited
from gateway.features import hooks


def make_admin(site: Site) -> falcon.App[Any, Any]:
    """The WSGI application of the admin listener of one worker."""
    middleware: list[Any] = [Audited(site), Guard(site)]
    app = falcon.App(middleware=middleware)
    app.resp_options.default_media_type = None  # type: ignore[assignment]  # else what has no body gets a type
    add_handlers(app)
    for _, endpoints in hooks("admin"):
        for each in endpoints:
            app.add_route(each.path, each.resource(site))
    return app
