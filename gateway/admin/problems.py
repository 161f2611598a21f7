"""Errors of the admin listener, as problem documents (RFC 9457)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

import falcon

from gateway.config.diagnostics import Diagnostic
from gateway.errors import CONFIG_REFUSED, INTERNAL, MALFORMED_REQUEST, ROUTE_NOT_FOUND, GatewayError, Kind

log = logging.getLogger("gateway")

_KINDS: dict[int, Kind] = {400: MALFORMED_REQUEST, 404: ROUTE_NOT_FOUND}
_DETAILS = {404: "GET / lists what there is."}


class ConfigRefused(GatewayError):
    """The files cannot be used; the answer lists what is wrong with them in `errors`."""

    def __init__(self, complaints: Iterable[Diagnostic]) -> None:
        self.complaints = tuple(complaints)
        count = len(self.complaints)
        number = "one mistake" if count == 1 else f"{count} mistakes"
        super().__init__(CONFIG_REFUSED, f"There is {number}." if count == 1 else f"There are {number}.")


def add_handlers(app: falcon.App[Any, Any]) -> None:
    """Have every error of `app` answered as a problem document."""
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(falcon.HTTPError, _of_falcon)
    app.add_error_handler(GatewayError, _expected)


def _expected(req: falcon.Request, resp: falcon.Response, error: GatewayError, params: Any) -> None:
    problem: dict[str, Any] = {"type": error.kind.type, "title": error.kind.title, "status": error.kind.status}
    if error.detail:
        problem["detail"] = error.detail
    if isinstance(error, ConfigRefused):
        problem["errors"] = [complaint.to_json() for complaint in error.complaints]
    req.context.why = error.kind.slug
    resp.status = error.kind.status
    resp.content_type = "application/problem+json"
    for name, value in error.headers:
        resp.set_header(name, value)
    resp.stream = None
    resp.data = json.dumps(problem, ensure_ascii=False).encode()


def _of_falcon(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, params: Any) -> None:
    detail = _DETAILS.get(error.status_code) or error.description or ""
    _expected(req, resp, GatewayError(_KINDS.get(error.status_code, INTERNAL), detail), params)


def _unexpected(req: falcon.Request, resp: falcon.Response, error: Exception, params: Any) -> None:
    log.error("the admin API failed on %s %s", req.method, req.path, exc_info=error)
    _expected(req, resp, GatewayError(INTERNAL, "The failure is in the gateway's log."), params)
