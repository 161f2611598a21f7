"""The built-in steps and a plugin's, together on one line: what goes up, what comes back, what is logged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import pipeline
from gateway.config import plugins
from gateway.config.header_edits_model import HeaderEdit, HeaderRules
from gateway.contracts import RoutePlan, Step, Steps, Tools
from gateway.errors import METHOD_NOT_ALLOWED, ROUTE_NOT_FOUND, UPSTREAM_REFUSED, GatewayError
from gateway.exchange import Exchange, Response
from gateway.observability.access_log import AccessLogs
from gateway.observability.access_log_options import AccessLog
from gateway.policies.rewrite import policy as rewrite
from gateway.policies.rewrite.model import Rewrite
from gateway.upstream import header_edits as headers
from tests.exchanges import exchange

TOOLS = Tools("item", lambda: 0.0, print)
NOTHING = HeaderEdit((), (), ())
RULES = HeaderRules(HeaderEdit((("X-From", "gateway"),), (), ("X-Drop",)), HeaderEdit((), (), ("Server",)), "f:1")


class Guest:
    name, after, before = "guest", "identity", None

    def __init__(self, **hooks: Any) -> None:
        self.hooks = hooks

    def compile(self, spec: Any, tools: Tools) -> Steps:
        return Steps(**self.hooks)


class Site:
    """A gateway without sockets: every line logs to one file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "access.log"
        self.logs = AccessLogs()
        self.log = Step("log", "f:1", self.logs.compile(AccessLog("json", str(self.file), 1.0, "f:1"), ["X-Beta"]))
        self.seen: list[Exchange] = []

    def answers(self, exchange: Exchange) -> Response:
        self.seen.append(exchange)
        exchange.upstream, exchange.address, exchange.attempts = "catalog", "127.0.0.1:9101", 1
        exchange.upstream_time = 0.25
        return Response(200, [("Server", "x"), ("Content-Type", "text/plain")], b"seven")

    def route(self, guest: Guest, fetch: Callable[[Exchange], Response] | None = None) -> RoutePlan:
        made = {
            "log": self.log,
            "guest": Step("guest", "f:1", plugins.steps_of(guest, {}, TOOLS)),
            "rewrite": Step("rewrite", "f:1", rewrite.compile(Rewrite("/items/{id}", "f:1"))),
            "headers": Step("headers", "f:1", headers.compile(RULES)),
        }
        steps = tuple(made[name] for name in plugins.order((guest,)) if name in made)
        return RoutePlan("item", "f:1", steps, fetch or self.answers, 60.0, "catalog")

    def ask(self, route: RoutePlan, **known: Any) -> Exchange:
        known = {"target": "/v1/items/7?a=1&token=x", "params": {"id": "7"}} | known
        asked = exchange(route=route, headers=[("X-Beta", "1"), ("X-Drop", "1")], **known)
        response = pipeline.run(asked, route)
        asked.sent = len(response.body)
        pipeline.finish(asked)
        return asked

    def lines(self) -> list[dict[str, Any]]:
        self.logs.close()
        return [json.loads(line) for line in self.file.read_text().splitlines()]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_request_that_goes_well(site: Site) -> None:
    asked = site.ask(site.route(Guest()))
    assert asked.upstream_path == "/items/7?a=1&token=x"
    assert asked.outgoing == [("X-Beta", "1"), ("X-From", "gateway")]
    assert asked.response.headers == [("Content-Type", "text/plain")]
    [line] = site.lines()
    assert line["target"] == "/v1/items/7?a=1&token=***"
    assert line["headers"] == {"x-beta": "1"}
    assert [
        line[name] for name in ("route", "upstream", "address", "attempts", "status", "error", "bytes", "upstream_ms")
    ] == [*("item", "catalog", "127.0.0.1:9101", 1, 200, None, 5, 250.0)]


def test_a_guest_answers_before_anything_is_rewritten(site: Site) -> None:
    asked = site.ask(site.route(Guest(on_request=lambda exchange: Response(401, [], b"no"))))
    assert (site.seen, asked.upstream_path, asked.outgoing) == ([], None, None)
    [line] = site.lines()
    assert (line["status"], line["bytes"], line["upstream"], line["error"]) == (401, 2, None, None)


@pytest.mark.parametrize("hook", ["on_request", "on_response", "on_close"])
@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(1)], ids=repr)
def test_a_guest_that_fails_is_a_500_and_the_next_request_goes_well(
    site: Site, hook: str, error: BaseException
) -> None:
    def fails(*args: Any) -> None:
        raise error

    failing, sound = site.route(Guest(**{hook: fails})), site.route(Guest())
    asked = site.ask(failing)
    assert site.ask(sound).response.status == 200
    first, second = site.lines()
    if hook == "on_close":
        assert (first["status"], first["error"]) == (200, None)
    else:
        assert (first["status"], first["error"]) == (500, "plugin-failed")
        assert json.loads(asked.response.body)["type"] == "urn:gateway:error:plugin-failed"
        assert b"secret" not in asked.response.body
    assert second["status"] == 200


def test_an_upstream_that_refuses(site: Site) -> None:
    def refuses(exchange: Exchange) -> Response:
        exchange.upstream, exchange.address, exchange.attempts = "catalog", "127.0.0.1:9101", 2
        raise GatewayError(UPSTREAM_REFUSED)

    asked = site.ask(site.route(Guest(), refuses))
    assert ("Proxy-Status", "gateway; error=connection_refused; next-hop=catalog") in asked.response.headers
    [line] = site.lines()
    assert (line["status"], line["error"], line["attempts"]) == (502, "upstream-refused", 2)


@pytest.mark.parametrize(
    ("error", "status"),
    [(GatewayError(ROUTE_NOT_FOUND), 404), (GatewayError(METHOD_NOT_ALLOWED, headers=(("Allow", "GET"),)), 405)],
)
def test_what_matches_nothing_walks_and_is_logged(site: Site, error: GatewayError, status: int) -> None:
    def fetch(exchange: Exchange) -> Response:
        raise error

    rules = HeaderRules(NOTHING, HeaderEdit((("X-Frame-Options", "DENY"),), (), ()), "f:1")
    steps = (site.log, Step("headers", "f:1", headers.compile(rules)))
    asked = site.ask(RoutePlan("unmatched", "f:1", steps, fetch, 60.0, ""), target="/nowhere", params=None)
    assert ("X-Frame-Options", "DENY") in asked.response.headers
    [line] = site.lines()
    assert (line["route"], line["target"], line["status"], line["upstream"]) == ("unmatched", "/nowhere", status, None)
    assert line["error"] == error.kind.slug


def test_a_client_that_went_away_is_a_499(site: Site) -> None:
    route = site.route(Guest())
    asked = exchange(route=route, params={"id": "7"})
    pipeline.run(asked, route)
    asked.error = "client-closed"
    pipeline.finish(asked)
    assert site.lines()[0]["status"] == 499
