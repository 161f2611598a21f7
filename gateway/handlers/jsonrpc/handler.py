"""An upstream that is called by JSON-RPC 2.0 behind a REST route."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.contracts import Fetch
from gateway.errors import BODY_TOO_COMPLEX, INVALID_BODY, UPSTREAM_BAD_ANSWER, GatewayError, rpc_error
from gateway.exchange import Exchange, Response
from gateway.http.buffered_body import JSON_BODY, json_body
from gateway.http.json_render import Fill
from gateway.upstream.subrequest import fetch_whole, subrequest

#: the codes of the specification's section 5.1; all others are the service's own
STATUSES: Final[Mapping[int, int]] = {-32700: 502, -32600: 502, -32601: 501, -32602: 400, -32603: 502}
#: of an error whose code says nothing to the gateway
OTHER: Final = 502


@dataclass(frozen=True, slots=True)
class Call:
    """What is called: `params` None = none; `statuses` are (code, status); `batch` is the most calls in one request.

    A `notification` has no answer.
    """

    upstream: str
    path: Callable[[Exchange], str]
    method: str
    params: Fill | None
    notification: bool
    select: Callable[[Any], Any] | None
    statuses: tuple[tuple[int, int], ...]
    batch: int


class JsonRpc:
    """Answers with the result of `call`; `fetch` is the upstream's, `total` the seconds that it has."""

    __slots__ = ("_call", "_fetch", "_total")

    def __init__(self, call: Call, fetch: Fetch, total: float) -> None:
        self._call = call
        self._fetch = fetch
        self._total = total

    def fetch(self, exchange: Exchange) -> Response:
        """The answer. Raises GatewayError."""
        many = json_body(exchange) if self._call.batch else None
        if isinstance(many, list):
            return self._batch(exchange, many)
        answer = self._ask(exchange, self._request(exchange, 1))
        if self._call.notification:
            return Response(202, [], b"")
        return _json(self._result(self._checked(answer, {1})))

    def _request(self, exchange: Exchange, number: int) -> dict[str, Any]:
        call = self._call
        request: dict[str, Any] = {"jsonrpc": "2.0", "method": call.method}
        if call.params is not None:
            request["params"] = call.params(exchange)
        if not call.notification:
            request["id"] = number
        return request

    def _batch(self, exchange: Exchange, bodies: list[Any]) -> Response:
        """One call for each item of the client's list, sent as one; the results in the same order."""
        if not bodies:
            raise GatewayError(INVALID_BODY, "The list of calls is empty.")
        if len(bodies) > self._call.batch:
            words = f"The list has {len(bodies)} calls; {self._call.batch} are taken at once."
            raise GatewayError(BODY_TOO_COMPLEX, words)
        requests = []
        for number, body in enumerate(bodies, 1):
            state = exchange.state
            if state is None:
                state = exchange.state = {}
            state[JSON_BODY] = body
            requests.append(self._request(exchange, number))
        answers = self._ask(exchange, requests)
        if self._call.notification:
            return Response(202, [], b"")
        if not isinstance(answers, list) or len(answers) != len(bodies):
            raise self._bad("what is no batch of as many answers")
        open_ids = set(range(1, len(bodies) + 1))
        found = {answer["id"]: answer for answer in (self._checked(each, open_ids) for each in answers)}
        if len(found) != len(bodies):
            raise self._bad("one call twice")
        return _json([self._item(found[number]) for number in range(1, len(bodies) + 1)])

    def _item(self, answer: dict[str, Any]) -> dict[str, Any]:
        """One of several results; an error among them fails no other."""
        if "error" in answer:
            error = answer["error"]
            return {"status": self._status(error), "error": error}
        return {"status": 200, "result": self._selected(answer["result"])}

    def _ask(self, exchange: Exchange, request: Any) -> Any:
        call = self._call
        body = json.dumps(request, ensure_ascii=False).encode()
        made = subrequest(exchange, "POST", call.path(exchange), self._total, body)
        response, data = fetch_whole(self._fetch, exchange, made, call.upstream)
        if not 200 <= response.status < 300:
            raise self._bad(f"with status {response.status}")
        if call.notification:
            return None
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self._bad("what is no JSON") from None

    def _checked(self, answer: Any, ids: set[int]) -> dict[str, Any]:
        """An answer to one of our calls (section 5): with a result or an error, never with both."""
        if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0":
            raise self._bad("what is no answer of JSON-RPC 2.0")
        if ("result" in answer) is ("error" in answer):
            raise self._bad("with neither a result nor an error, or with both")
        error = answer.get("error")
        if "error" in answer and not (isinstance(error, dict) and type(error.get("code")) is int):
            raise self._bad("with an error that has no code")
        number = answer.get("id")
        if type(number) is not int or number not in ids:
            if "error" in answer and number is None:  # section 5: the service could not even read the id
                raise self._failed(answer["error"])
            raise self._bad("a call that it was not asked for")
        return answer

    def _result(self, answer: dict[str, Any]) -> Any:
        if "error" in answer:
            raise self._failed(answer["error"])
        return self._selected(answer["result"])

    def _selected(self, result: Any) -> Any:
        select = self._call.select
        try:
            return result if select is None else select(result)
        except ValueError:
            raise self._bad("what nothing can be selected from") from None

    def _status(self, error: dict[str, Any]) -> int:
        code = error["code"]
        return dict(self._call.statuses).get(code) or STATUSES.get(code, OTHER)

    def _failed(self, error: dict[str, Any]) -> GatewayError:
        failure = GatewayError(rpc_error(self._status(error)), str(error.get("message", ""))[:500])
        failure.extensions = {"rpc": {key: error[key] for key in ("code", "message", "data") if key in error}}
        return failure

    def _bad(self, what: str) -> GatewayError:
        return GatewayError(UPSTREAM_BAD_ANSWER, f"The upstream {self._call.upstream} answered {what}.")


def _json(value: Any) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(200, [("Content-Type", "application/json")], body)
