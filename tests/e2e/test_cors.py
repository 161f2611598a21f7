"""Pages of other origins: preflights before everything else, and answers that pages may read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gateway import Gateway
from tests.support.raw import Connection, Upstream
from tests.support.through import ask, config, get, logged, problem, serving

PAGE = "Origin: https://app.example.test"
ELSEWHERE = "Origin: https://elsewhere.test"
ROUTES = """\
  - {name: read, match: {path: "/items/{id}", methods: [GET, DELETE]}, upstream: up, auth: keys}
  - {name: write, match: {path: "/items/{id}", methods: [PUT]}, upstream: up, cors: strict}
  - {name: inner, match: {path: /inner}, upstream: up, ip: {allow: [10.0.0.0/8]}}
  - {name: plain, match: {path: /plain}, upstream: up, cors: "off"}
auth:
  keys: {api_key: {keys: ["shop:DIGEST"]}}
cors:
  web: {origins: ["https://*.example.test"], credentials: true, expose: [X-Request-ID], max_age: 10m}
  strict: {origins: ["re:https://app[.]example[.]test"], methods: [PUT], headers: [X-Trace]}
defaults: {cors: web}
"""
#: SHA-256 of "key"
DIGEST = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"


def own(connection: Connection) -> None:
    """An upstream with opinions of its own on CORS."""
    while True:
        head, _ = connection.request()
        method = head.partition(b" ")[0]
        fields = b"Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: *\r\nVary: Accept\r\n"
        connection.send(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (fields, len(method)) + method)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    upstream = Upstream(own)
    text = config({"up": f'targets: ["{upstream.url}"]'}, ROUTES.replace("DIGEST", DIGEST))
    with serving(tmp_path_factory.mktemp("gateway"), text) as made:
        yield made
    upstream.close()


def preflight(path: str, method: str, *lines: str, origin: str = PAGE) -> bytes:
    return get(path, origin, f"Access-Control-Request-Method: {method}", *lines, method="OPTIONS")


def test_a_preflight_needs_no_credential(gateway: Gateway) -> None:
    status, headers, body = ask(
        gateway, preflight("/items/7", "DELETE", "Access-Control-Request-Headers: authorization")
    )
    assert (status, body) == (204, b"")
    assert headers["access-control-allow-origin"] == "https://app.example.test"
    assert headers["access-control-allow-methods"] == "GET, DELETE"
    assert headers["access-control-allow-headers"] == "authorization"
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["access-control-max-age"] == "600"
    assert "Origin" in headers["vary"]
    assert "content-length" not in headers
    assert logged(gateway, "/items/7")["route"] == "read"


def test_each_route_by_the_method_that_is_announced(gateway: Gateway) -> None:
    headers = ask(gateway, preflight("/items/7", "PUT", "Access-Control-Request-Headers: x-trace"))[1]
    assert (headers["access-control-allow-methods"], headers["access-control-allow-headers"]) == ("PUT", "X-Trace")
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize(
    "sent",
    [
        preflight("/items/7", "GET", origin=ELSEWHERE),
        preflight("/items/7", "GET", origin="Origin: null"),
        preflight("/items/7", "GET", origin="Origin: https://example.test"),
        preflight("/items/7", "GET", origin="Origin: https://a.example.test.evil.test"),
        preflight("/items/7", "PUT", "Access-Control-Request-Headers: authorization"),
        preflight("/items/7", "PUT", origin="Origin: https://other.example.test"),
    ],
)
def test_what_is_not_allowed(gateway: Gateway, sent: bytes) -> None:
    status, headers, _ = ask(gateway, sent)
    assert status == 403
    assert not [name for name in headers if name.startswith("access-control-")]
    assert problem(gateway, sent)[1] == "cors-refused"


def test_a_refusal_can_be_read_by_the_page(gateway: Gateway) -> None:
    for path, expected in (("/items/7", 401), ("/inner", 403), ("/nowhere", 404)):
        status, headers, _ = ask(gateway, get(path, PAGE))
        assert status == expected
        assert headers["access-control-allow-origin"] == "https://app.example.test"
        assert headers["access-control-expose-headers"] == "X-Request-ID"


def test_an_answer_has_our_fields_in_place_of_the_upstreams(gateway: Gateway) -> None:
    status, headers, body = ask(gateway, get("/items/7", PAGE, "X-API-Key: key"))
    assert (status, body) == (200, b"GET")
    assert headers["access-control-allow-origin"] == "https://app.example.test"
    assert "access-control-allow-methods" not in headers
    for other in ((), (ELSEWHERE,)):
        status, headers, _ = ask(gateway, get("/items/7", *other, "X-API-Key: key"))
        assert (status, headers.get("access-control-allow-origin")) == (200, None)
        assert headers["vary"] == "Origin", "the last of two fields"


def test_a_preflight_is_answered_where_the_call_itself_will_not_be(gateway: Gateway) -> None:
    for path in ("/inner", "/nowhere"):
        assert ask(gateway, preflight(path, "GET"))[0] == 204


def test_without_cors_the_upstream_answers_for_itself(gateway: Gateway) -> None:
    status, headers, body = ask(gateway, preflight("/plain", "GET"))
    assert (status, body, headers["access-control-allow-origin"]) == (200, b"OPTIONS", "*")


def test_options_that_is_no_preflight_goes_to_the_upstream(gateway: Gateway) -> None:
    assert ask(gateway, get("/inner", method="OPTIONS"))[0] == 403
    assert ask(gateway, get("/up/", PAGE, method="OPTIONS"))[::2] == (200, b"OPTIONS")
