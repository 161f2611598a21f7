"""Three small services to put the gateway in front of: `python -m gateway.examples`; and a function for a route."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.functions import Request


def hello(request: Request) -> str:
    """`function: gateway.examples:hello` on a route with {name} in its path (docs/functions.md)."""
    return f"Hello, {request.params['name']}!\n"
