"""tenant: lets in only requests that name a known tenant, and stamps the answer with it."""

from collections.abc import Mapping
from typing import Any

from gateway.contracts import Steps, Tools
from gateway.exchange import Exchange, Response


class Tenant:
    """`{name: tenant, with: {header: X-Tenant, known: [acme, globex]}}`."""

    name = "tenant"
    after: str | None = "identity"
    before: str | None = None

    def compile(self, spec: Mapping[str, Any], tools: Tools) -> Steps:
        """Read the options once; what is wrong with them is told to whoever wrote the configuration."""
        header: str = spec.get("header", "X-Tenant")
        known = frozenset(spec.get("known", ()))
        if not known:
            raise ValueError("`known` names no tenant")
        lower = header.lower()

        def on_request(exchange: Exchange) -> Response | None:
            if exchange.header(lower) in known:
                return None
            return Response(403, [("Content-Type", "text/plain")], b"Who are you?\n")

        def on_response(exchange: Exchange, response: Response) -> Response | None:
            response.headers.append((header, exchange.header(lower) or "none"))
            return None

        return Steps(on_request, on_response)


tenant = Tenant()
POLICIES = (tenant,)
