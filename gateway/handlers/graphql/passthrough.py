"""GraphQL that clients write themselves: weighed before the upstream sees any of it."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from gateway.contracts import Fetch
from gateway.errors import INVALID_QUERY, QUERY_REFUSED, GatewayError
from gateway.exchange import Exchange, Response
from gateway.handlers.graphql.document import DocumentError, Operation, chosen, read
from gateway.http.buffered_body import json_body
from gateway.upstream.subrequest import subrequest

#: documents that a worker remembers; what clients send is the same few texts mostly
REMEMBERED: Final = 512
#: characters of a document that is remembered
LONGEST: Final = 20_000


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What a request may ask for. `persisted` are documents by their SHA-256 in hex; `only` whether no others are."""

    upstream: str
    path: Callable[[Exchange], str]
    depth: int
    complexity: int
    aliases: int
    introspection: bool
    persisted: Mapping[str, str]
    only: bool


class GraphqlProxy:
    """Hands on what is within `bounds`; `fetch` is the upstream's, `total` the seconds that it has."""

    __slots__ = ("_bounds", "_fetch", "_known", "_total")

    def __init__(self, bounds: QueryLimits, fetch: Fetch, total: float) -> None:
        self._bounds = bounds
        self._fetch = fetch
        self._total = total
        self._known: OrderedDict[str, dict[str, Operation]] = OrderedDict()

    def fetch(self, exchange: Exchange) -> Response:
        """The upstream's answer as it comes. Raises GatewayError."""
        request = _request(exchange)
        request["query"] = self._document(request)
        self._check(exchange, request)
        made = subrequest(exchange, "POST", self._bounds.path(exchange), self._total, json.dumps(request).encode())
        accept = exchange.header("accept")
        if accept is not None:
            made.headers = [field for field in made.headers if field[0] != "Accept"] + [("Accept", accept)]
        exchange.upstream = self._bounds.upstream
        try:
            return self._fetch(made)
        finally:
            exchange.address, exchange.attempts = made.address, made.attempts
            exchange.upstream_started, exchange.upstream_time = made.upstream_started, made.upstream_time

    def _document(self, request: dict[str, Any]) -> str:
        """The text, looked up by its hash where it is one that is kept here."""
        bounds, text = self._bounds, request.get("query")
        extensions = request.get("extensions")
        named = extensions.pop("persistedQuery", None) if isinstance(extensions, dict) else None
        digest = named.get("sha256Hash") if isinstance(named, dict) else None
        if isinstance(digest, str):
            found = bounds.persisted.get(digest.lower())
            if found is None:
                raise GatewayError(QUERY_REFUSED, "PersistedQueryNotFound: no document is kept under this hash.")
            return found
        if not isinstance(text, str):
            raise GatewayError(INVALID_QUERY, "The request has no text `query`.")
        if bounds.only and hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() not in bounds.persisted:
            raise GatewayError(QUERY_REFUSED, "Only documents that are kept here are run.")
        return text

    def _check(self, exchange: Exchange, request: dict[str, Any]) -> None:
        bounds, values = self._bounds, request.get("variables")
        if values is not None and not isinstance(values, dict):
            raise GatewayError(INVALID_QUERY, "The `variables` are no object.")
        name = request.get("operationName") or ""
        if not isinstance(name, str):
            raise GatewayError(INVALID_QUERY, "The `operationName` is no text.")
        try:
            operation = chosen(self._read(request["query"]), name)
            weight = operation.weight(values or {})
        except DocumentError as error:
            raise GatewayError(INVALID_QUERY, f"The document cannot be run: {error}.") from None
        if operation.kind == "subscription":
            raise GatewayError(QUERY_REFUSED, "Subscriptions are not run here.")
        if operation.kind == "mutation" and exchange.method != "POST":
            raise GatewayError(QUERY_REFUSED, "A mutation is sent by POST.")
        if weight.has_introspection and not bounds.introspection:
            raise GatewayError(QUERY_REFUSED, "The schema is not told here.")
        for what, there, most in (
            ("depth", weight.depth, bounds.depth),
            ("complexity", weight.complexity, bounds.complexity),
            ("number of aliases", weight.aliases, bounds.aliases),
        ):
            if there > most:
                raise GatewayError(QUERY_REFUSED, f"The {what} is {there}; {most} is taken.")

    def _read(self, text: str) -> dict[str, Operation]:
        """PERF: parsing costs a hundred times what the weighing does."""
        known = self._known
        found = known.get(text)
        if found is not None:
            known.move_to_end(text)
            return found
        found = read(text)
        if len(text) <= LONGEST:
            known[text] = found
            if len(known) > REMEMBERED:
                known.popitem(last=False)
        return found


def _request(exchange: Exchange) -> dict[str, Any]:
    """The request of GraphQL over HTTP: a body of JSON by POST, or the query by GET."""
    if exchange.method in ("GET", "HEAD"):
        found: dict[str, Any] = dict(parse_qsl(exchange.query, keep_blank_values=True))
        for key in ("variables", "extensions"):
            if key in found:
                try:
                    found[key] = json.loads(found[key])
                except (ValueError, RecursionError):
                    raise GatewayError(INVALID_QUERY, f"The `{key}` are no JSON.") from None
    else:
        body = json_body(exchange)
        if not isinstance(body, dict):
            raise GatewayError(INVALID_QUERY, "The body is no request of GraphQL: one JSON object.")
        found = dict(body)
    return {key: found[key] for key in ("query", "variables", "operationName", "extensions") if key in found}
