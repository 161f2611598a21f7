"""Admin resources of caches: hit rates, and a purge that reaches every worker within a second."""

from __future__ import annotations

import logging
from typing import Final

import falcon

from gateway.admin.identity import answer, store_trouble
from gateway.admin.resource import Endpoint, Resource, check_routes
from gateway.cache.purge import KINDS
from gateway.errors import BAD_CHANGE, GatewayError

log = logging.getLogger("gateway")

MOST: Final = 100
LONGEST: Final = 2048
EXAMPLE: Final = "Say what: ?url=/items/7, prefix=/items/, tag=item-7, route=item (each may be repeated) or ?all=true."


class Cache(Resource):
    """GET and DELETE /api/cache"""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell the memory of this worker, and the counts of all routes."""
        caching = self._site.caching
        memory = {
            "capacity": caching.memory.capacity,
            "used": caching.memory.used,
            "entries": len(caching.memory),
        }
        with store_trouble():
            answer(resp, {"memory": memory, "purges": caching.purges.number, "routes": caching.counts.total()})

    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Purge."""
        what = {kind: req.get_param_as_list(kind) or [] for kind in KINDS}
        is_all = req.get_param("all") is not None
        _check(req, what, is_all)
        check_routes(self._site.store.document, what["route"])
        what["url"] = [_without_scheme(each) for each in what["url"]]
        what["prefix"] = [_without_scheme(each) for each in what["prefix"]]
        with store_trouble():
            self._site.caching.purges.purge(what, everything=is_all)
        meant = "everything" if is_all else ", ".join(f"{kind} {one}" for kind, each in what.items() for one in each)
        log.warning("purged by hand: %s", meant)
        resp.status = 204


def _check(req: falcon.Request, what: dict[str, list[str]], is_all: bool) -> None:
    unknown = next((name for name in req.params if name not in KINDS and name != "all"), None)
    if unknown is not None:
        raise GatewayError(BAD_CHANGE, f"There is no parameter {unknown[:40]!r}. {EXAMPLE}")
    values = [value for each in what.values() for value in each]
    if (is_all and (values or req.get_param("all") != "true")) or not (is_all or values):
        raise GatewayError(BAD_CHANGE, EXAMPLE)
    if len(values) > MOST or not all(0 < len(value) <= LONGEST and value.isprintable() for value in values):
        raise GatewayError(BAD_CHANGE, f"At most {MOST} values, each of at most {LONGEST} characters. {EXAMPLE}")
    for value in (*what["url"], *what["prefix"]):
        if "/" not in value:
            raise GatewayError(BAD_CHANGE, f"{value[:40]!r} is neither a path such as /items/7 nor host/items/7.")


def _without_scheme(url: str) -> str:
    """Host in lower case, path and query: how an entry knows its URL; a path alone is that of every host."""
    scheme, _, rest = url.partition("://")
    if not rest or "/" in scheme:  # of a path alone, a URL in its query
        rest = url
    host, slash, path = rest.partition("/")
    return f"{host.lower()}{slash}{path}"


ENDPOINTS: Final = (
    Endpoint(
        "/api/cache",
        Cache,
        {
            "GET": "how often the caches of routes were of use, over all workers",
            "DELETE": "purge what is kept, by ?url=, prefix=, tag= or route=, or ?all=true",
        },
    ),
)
