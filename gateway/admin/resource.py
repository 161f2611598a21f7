"""Names in what the admin API is asked: one that is not there is told together with the nearest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import falcon

from gateway.admin.context import Site
from gateway.config.diagnostics import among
from gateway.config.model import Document
from gateway.errors import BAD_CHANGE, UNKNOWN_ROUTE, GatewayError, Kind

SHOWN = 128  # characters of a name; none that is there is longer


def unknown(kind: Kind, words: str, name: str, known: Iterable[str]) -> GatewayError:
    """The error for a name that is none of `known`: "There is no route 'itme': did you mean `item`? …"."""
    return GatewayError(kind, f"{words} {name[:SHOWN]!r}: {among(name[:SHOWN], known)}.")


def check_routes(
    document: Document, names: Iterable[str], others: Callable[[], Collection[str]] = frozenset[str]
) -> None:
    """Raise GatewayError UNKNOWN_ROUTE for the first name that is neither a route of `document` nor among `others`."""
    known = {route.name for route in document.routes}
    for name in names:
        if name not in known and name not in others():
            raise unknown(UNKNOWN_ROUTE, "There is no route", name, known)


def check_parameters(req: falcon.Request, known: Collection[str]) -> None:
    """Raise GatewayError BAD_CHANGE for a query parameter that means nothing here, and would be passed over."""
    for name in req.params:
        if name not in known:
            raise unknown(BAD_CHANGE, "There is no parameter", name, known)


class Endpoint(NamedTuple):
    """A path of the admin API: what answers there, and what each method does, for the index.

    `shown` is the path as people read it, where that is not the template.
    """

    path: str
    resource: Callable[[Site], object]
    does: Mapping[str, str] = MappingProxyType({})
    shown: str = ""


class Resource(ABC):
    """What answers GET, and HEAD the same way."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_head(self, req: falcon.Request, resp: falcon.Response) -> None:
        """As GET; falcon leaves the body out."""
        self.on_get(req, resp)

    @abstractmethod
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer."""
