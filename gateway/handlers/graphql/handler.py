"""An upstream that is asked by GraphQL behind a REST route."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.contracts import Fetch
from gateway.errors import INVALID_VARIABLES, UPSTREAM_BAD_ANSWER, GatewayError, rpc_error
from gateway.exchange import Exchange, Response
from gateway.handlers.graphql.values import coerced
from gateway.http.json_render import Fill
from gateway.upstream.subrequest import fetch_whole, subrequest

#: what the codes that servers have in common stand for (`extensions.code`)
STATUSES: Final[Mapping[str, int]] = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "BAD_USER_INPUT": 400,
}
OTHER: Final = 502
COMPLETE: Final = "X-Gateway-Complete"


@dataclass(frozen=True, slots=True)
class Input:
    """A variable: its name, its type in so many lists, whether there must be a value, and where that is from."""

    name: str
    type: str
    lists: int
    is_required: bool
    value: Fill


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked; `statuses` are (code, status); `partial` whether data beside errors is an answer."""

    upstream: str
    path: Callable[[Exchange], str]
    text: str
    operation: str
    inputs: tuple[Input, ...]
    select: Callable[[Any], Any] | None
    statuses: tuple[tuple[str, int], ...]
    partial: bool


class GraphQL:
    """Answers with what `query` finds; `fetch` is the upstream's, `total` the seconds that it has."""

    __slots__ = ("_fetch", "_query", "_total")

    def __init__(self, query: Query, fetch: Fetch, total: float) -> None:
        self._query = query
        self._fetch = fetch
        self._total = total

    def fetch(self, exchange: Exchange) -> Response:
        """The answer. Raises GatewayError."""
        query = self._query
        request: dict[str, Any] = {"query": query.text, "variables": self._variables(exchange)}
        if query.operation:
            request["operationName"] = query.operation
        body = json.dumps(request, ensure_ascii=False).encode()
        made = subrequest(exchange, "POST", query.path(exchange), self._total, body)
        response, data = fetch_whole(self._fetch, exchange, made, query.upstream)
        value = self._read(response.status, data)
        headers = [("Content-Type", "application/json")]
        if value.get("errors"):
            if value.get("data") is None or not query.partial:
                raise self._failed(value["errors"])
            headers += ((COMPLETE, "false"), ("Cache-Control", "no-store"))
        try:
            found = value if query.select is None else query.select(value)
        except ValueError:
            raise self._bad("what nothing can be selected from") from None
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        return Response(200, headers, text.encode("utf-8", "replace"))

    def _variables(self, exchange: Exchange) -> dict[str, Any]:
        """What is not there is left out: the service has defaults for it, or null."""
        found: dict[str, Any] = {}
        for each in self._query.inputs:
            value = each.value(exchange)
            if value is None or value == "":
                if each.is_required:
                    raise GatewayError(INVALID_VARIABLES, f"The value for {each.name} is missing.")
                continue
            try:
                found[each.name] = coerced(value, each.type, each.lists)
            except ValueError as error:
                raise GatewayError(INVALID_VARIABLES, f"The value for {each.name} {error}.") from None
        return found

    def _read(self, status: int, data: bytes) -> dict[str, Any]:
        """GraphQL over HTTP: errors may come with any status, data with 2xx only."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise self._bad(f"with status {status} and what is no JSON") from None
        is_answer = isinstance(value, dict) and ("data" in value or "errors" in value)
        errors = value.get("errors") if is_answer else None
        is_sound = errors is None or (isinstance(errors, list) and all(isinstance(each, dict) for each in errors))
        if not is_answer or not is_sound or (not errors and not 200 <= status < 300):
            raise self._bad(f"with status {status} and what is no answer of GraphQL")
        found: dict[str, Any] = value
        return found

    def _failed(self, errors: list[dict[str, Any]]) -> GatewayError:
        first = errors[0]
        more = first.get("extensions")
        code = str(more.get("code", "")) if isinstance(more, dict) else ""
        status = dict(self._query.statuses).get(code) or STATUSES.get(code, OTHER)
        failure = GatewayError(rpc_error(status), str(first.get("message", ""))[:500])
        failure.extensions = {"rpc": {"code": code, "message": str(first.get("message", ""))[:500]}}
        return failure

    def _bad(self, what: str) -> GatewayError:
        return GatewayError(UPSTREAM_BAD_ANSWER, f"The upstream {self._query.upstream} answered {what}.")
