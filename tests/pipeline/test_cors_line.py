"""cors with the steps behind it: a preflight reaches none of them, and whatever they refuse can be read by the page."""

from __future__ import annotations

import json

import pytest

from gateway import pipeline
from gateway.config.header_edits_model import HeaderEdit, HeaderRules
from gateway.contracts import RoutePlan, Step, Tools
from gateway.errors import FORBIDDEN, UNAUTHENTICATED, UPSTREAM_REFUSED, GatewayError, Kind
from gateway.exchange import Exchange
from gateway.features import ORDER
from gateway.policies.cors import policy as cors
from gateway.policies.cors.options import Cors
from gateway.policies.ip import policy as ip
from gateway.policies.ip.options import IpRules
from gateway.upstream import header_edits as headers
from tests.exchanges import exchange
from tests.pipeline.conftest import Line

PAGE = "https://app.test"
TOOLS = Tools("item", lambda: 0.0, print)
NOTHING = HeaderEdit((), (), ())
CORS = Cors("web", (PAGE,), ("GET",), (), ("X-Request-ID",), True, False, 600.0, "f:1")
ASKS = {"HTTP_ORIGIN": PAGE, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}


def walk(line: Line, method: str, environ: dict[str, str], **does: object) -> Exchange:
    """One request over a whole line, from a client within 10.0.0.0/8 who gets what `does` says of identity."""
    made = {
        "log": line.step("log"),
        "response-headers": Step("response-headers", "f:1", headers.compile(
            HeaderRules(NOTHING, HeaderEdit((), (), ("Server",)), "f:1", "security"))),
        "cors": Step("cors", "f:1", cors.compile(CORS, (), TOOLS)),
        "ip": Step("ip", "f:1", ip.compile(IpRules(("10.0.0.0/8",), (), "f:1"), TOOLS)),
        "identity": line.step("identity", **does),
    }  # fmt: skip
    plan = line.route(*(made[name] for name in ORDER if name in made))
    return asked(plan, method, environ)


def asked(plan: RoutePlan, method: str, environ: dict[str, str]) -> Exchange:
    made = exchange(method, route=plan, client=environ.get("client", "10.0.0.1"))
    made.environ = {name: value for name, value in environ.items() if name != "client"}
    pipeline.run(made, plan)
    pipeline.finish(made)
    return made


def test_a_preflight_goes_no_further(line: Line) -> None:
    answer = walk(line, "OPTIONS", ASKS | {"client": "192.0.2.1"}).response
    assert answer is not None and answer.status == 204
    assert dict(answer.headers)["Access-Control-Allow-Origin"] == PAGE
    assert dict(answer.headers)["X-Content-Type-Options"] == "nosniff"
    assert line.diary == ["request log", "response log", "close log", "close identity"]


def test_a_preflight_that_is_refused_goes_no_further_either(line: Line) -> None:
    made = walk(line, "OPTIONS", ASKS | {"HTTP_ORIGIN": "https://elsewhere.test"})
    assert made.response is not None and made.response.status == 403
    assert made.error == "cors-refused"
    assert not [name for name, _ in made.response.headers if name.startswith("Access-Control-")]
    assert "request identity" not in line.diary


@pytest.mark.parametrize("kind", [UNAUTHENTICATED, FORBIDDEN, UPSTREAM_REFUSED], ids=lambda kind: kind.slug)
def test_whoever_refuses_the_page_can_read_why(line: Line, kind: Kind) -> None:
    answer = walk(line, "GET", {"HTTP_ORIGIN": PAGE}, request=GatewayError(kind)).response
    assert answer is not None and answer.status == kind.status
    assert json.loads(answer.body)["type"] == kind.type
    said = dict(answer.headers)
    assert (said["Access-Control-Allow-Origin"], said["Access-Control-Allow-Credentials"]) == (PAGE, "true")
    assert said["Access-Control-Expose-Headers"] == "X-Request-ID"


def test_an_address_is_refused_before_anybody_is_asked_who_it_is(line: Line) -> None:
    made = walk(line, "GET", {"HTTP_ORIGIN": PAGE, "client": "192.0.2.1"})
    assert (made.error, "request identity" in line.diary) == ("address-denied", False)
    assert made.response is not None
    assert dict(made.response.headers)["Access-Control-Allow-Origin"] == PAGE


def test_what_may_pass_passes(line: Line) -> None:
    assert walk(line, "GET", {}).response.status == 200
    assert "fetch" in line.diary
