"""access: what a caller may do.  Who it is, identity asked; here a known one gets 403, and is told what lacks."""

from __future__ import annotations

from gateway._fast.authorization import Rule
from gateway.contracts import Steps
from gateway.errors import FORBIDDEN, GatewayError
from gateway.exchange import Exchange


def compile(rule: Rule) -> Steps:
    """The step of a route that asks for scopes, roles or claims; it stands behind identity."""
    check = rule.check

    def on_request(exchange: Exchange) -> None:
        caller = exchange.caller
        # NOTE: without a caller the route is one that lets strangers in; identity has refused all others.
        if caller is not None and check(caller.scopes, caller.roles, caller.claims, exchange.params):
            words = rule.missing(caller.scopes, caller.roles, caller.claims, exchange.params)
            raise GatewayError(FORBIDDEN, f"The route asks for more than the caller has: {words}.")

    return Steps(on_request=on_request)
