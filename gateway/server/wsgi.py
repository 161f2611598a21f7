"""`gateway.server.wsgi:application`, for any WSGI server; under our own worker it is the same object."""

from __future__ import annotations

from gateway.server.app import GatewayApp
from gateway.server.context import server_context

application = GatewayApp(server_context().store)
