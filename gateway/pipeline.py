"""The life of a request. Knows contracts, nothing else.

    on_request hooks, forwards  ->  route.fetch  ->  on_response hooks, backwards, of the steps that were entered
    -> the body goes out  ->  finish(): on_close hooks

A Response from an on_request hook turns the walk round.  An exception becomes an error Response where it was raised
and walks out the same way, so that a 401 carries CORS headers and a log line.
"""

from __future__ import annotations

import logging

from gateway.contracts import RoutePlan
from gateway.errors import INTERNAL, GatewayError
from gateway.exchange import Exchange, Response
from gateway.http.problem import problem_response

log = logging.getLogger("gateway")


def run(exchange: Exchange, route: RoutePlan) -> Response:
    """Walk `exchange` along `route` and give the answer; never raises but for what must end the worker."""
    entered = 0
    try:
        for hook in route.on_request:
            entered += 1
            response = hook(exchange)
            if response is not None:
                break
        else:
            entered = -1
            response = route.fetch(exchange)
    except Exception as error:
        response = failed(exchange, error)
    for back in route.back[entered]:
        exchange.response = response  # so that finish() finds it should the greenlet end in here
        try:
            response = back(exchange, response) or response
        except Exception as error:
            _close(exchange, response)
            response = failed(exchange, error)
    exchange.response = response
    return response


def failed(exchange: Exchange, error: Exception) -> Response:
    """The Response for an error; anything that is not a GatewayError is our own fault and logged with its traceback."""
    if not isinstance(error, GatewayError):
        log.error("request %s failed", exchange.request_id, exc_info=error)
        error = GatewayError(INTERNAL, "The failure is in the gateway's log under this request id.")
    exchange.error = error.kind.slug
    return problem_response(exchange, error)


def finish(exchange: Exchange) -> None:
    """Close the exchange, after its last byte or after the client went away: every on_close hook runs, once."""
    response = exchange.response
    if response is not None and type(response.body) is not bytes:
        _close(exchange, response)
    for hook in exchange.route.on_close:
        try:
            hook(exchange)
        except Exception as error:
            log.error("closing request %s failed", exchange.request_id, exc_info=error)


def _close(exchange: Exchange, response: Response) -> None:
    """Close a response; that its body cannot be closed must not keep the rest from closing."""
    try:
        response.close()
    except Exception as error:
        log.error("closing the answer to request %s failed", exchange.request_id, exc_info=error)
