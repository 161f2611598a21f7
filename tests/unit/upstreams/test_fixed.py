"""Upstreams that ask nobody."""

from __future__ import annotations

import pytest

from gateway import errors
from gateway.errors import GatewayError
from gateway.handlers.respond import Respond
from gateway.handlers.unmatched import NotFoundHandler, RejectedHandler
from tests.wire.upstream.play import exchange


def test_respond():
    upstream = Respond(301, [("Location", lambda asked: f"/v1{asked.target}"), ("X", "y")], "moved")
    response = upstream.fetch(exchange(target="/a"))
    assert response.status == 301
    assert response.headers == [("Location", "/v1/a"), ("X", "y"), ("Content-Type", "text/plain; charset=utf-8")]
    assert (response.body, response.length) == (b"moved", 5)


def test_respond_keeps_its_own_type_and_speaks_utf_8():
    response = Respond(200, [("content-type", "text/html")], lambda _: "grün").fetch(exchange())
    assert response.headers == [("content-type", "text/html")]
    assert response.body == "grün".encode()


@pytest.mark.parametrize("status", [204, 205, 304])
def test_respond_without_content(status: int):
    response = Respond(status, (), "ignored").fetch(exchange())
    assert (response.body, response.headers) == (b"", [])


def test_respond_does_not_share_its_headers():
    upstream = Respond(200, [("X", "y")])
    upstream.fetch(exchange()).headers.append(("Z", "z"))
    assert upstream.fetch(exchange()).headers == [("X", "y")]


def raised(upstream: NotFoundHandler | RejectedHandler, **more: object) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        upstream.fetch(exchange(**more))
    return caught.value


@pytest.mark.parametrize("state", [None, {}, {"allow": ()}])
def test_unmatched(state: dict[str, object] | None):
    error = raised(NotFoundHandler(), state=state, path="/nowhere")
    assert (error.kind, error.headers) == (errors.ROUTE_NOT_FOUND, ())
    assert "GET /nowhere" in error.detail


def test_unmatched_because_of_the_method():
    error = raised(NotFoundHandler(), method="DELETE", state={"allow": {"POST", "GET"}}, path="/items")
    assert error.kind is errors.METHOD_NOT_ALLOWED
    assert error.headers == (("Allow", "GET, POST"),)
    assert "DELETE" in error.detail and "GET, POST" in error.detail


def test_refused():
    error = GatewayError(errors.HEADERS_TOO_LARGE, "too many")
    assert raised(RejectedHandler(), state={"refusal": error}) is error
