"""Every change asked for at the admin API, and everybody who was denied it, goes to the audit log."""

from __future__ import annotations

from typing import Any, Final

import falcon

from gateway.admin.context import Site

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: 421: under a name that is not this gateway's, as a page of somebody else's would ask
_DENIED: Final = frozenset({401, 403, 421})

#: (method, path template) -> what was done
_EVENTS: Final = {
    ("POST", "/api/reload"): "config.reload",
    ("POST", "/api/keys"): "key.create",
    ("DELETE", "/api/keys/{key_id}"): "key.revoke",
    ("POST", "/api/revocations"): "token.revoke",
    ("DELETE", "/api/revocations/{entry_id}"): "token.unrevoke",
    ("DELETE", "/api/limits/{limit_id}"): "limit.reset",
    ("DELETE", "/api/cache"): "cache.purge",
    ("PATCH", "/api/upstreams/{upstream}/targets/{target:path}"): "target.override",
    ("POST", "/api/alerts/{rest:path}"): "alert.acknowledge",
    ("POST", "/api/silences"): "silence.create",
    ("DELETE", "/api/silences/{rest:path}"): "silence.end",
}


class Audited:
    """Falcon middleware; a resource may put more about what it did into `req.context.what`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: Any, is_ok: bool) -> None:
        """Tell of it, once the answer is known.

        SECURITY: the query is told of changes alone, where it says what is purged; never of who was refused, who may
        have put a token there (test_no_secret_is_told).
        """
        status = resp.status_code
        if not self._site.audit.is_on or (req.method in _SAFE and status not in _DENIED):
            return
        client = req.env.get("REMOTE_ADDR", "")
        if status in _DENIED:
            what = {"method": req.method, "path": req.path}
            self._site.denials.add("admin.denied", getattr(req.context, "why", str(status)), client=client, what=what)
            return
        event = _EVENTS.get((req.method, req.uri_template or ""), f"admin.{req.method.lower()[:16]}")
        self._site.audit.record(
            event,
            "done" if status < 400 else "failed",
            who="token" if self._site.store.document.server.admin_token else "anybody on this machine",
            client=client,
            status=status,
            why=getattr(req.context, "why", None),
            what={"path": req.path, "query": req.query_string or None, **getattr(req.context, "what", {})},
        )
