"""Error answers: what they say, in which form, and what they keep to themselves."""

import json
import re
from html.parser import HTMLParser

import pytest

from gateway.errors import (
    BODY_TOO_LARGE,
    INTERNAL,
    KINDS,
    MALFORMED_REQUEST,
    METHOD_NOT_ALLOWED,
    UPSTREAM_REFUSED,
    GatewayError,
    Kind,
)
from gateway.exchange import Exchange, Response
from gateway.http.grpc import CLIENT
from gateway.http.problem import HTML, JSON, TEXT, preferred, problem_response
from tests.exchanges import exchange


def answer(error: GatewayError, accept: str | None = None, **known: object) -> Response:
    headers = [("Accept", accept)] if accept is not None else []
    return problem_response(exchange(headers=headers, **known), error)


def fields(response: Response) -> dict[str, str]:
    names = [name.lower() for name, _ in response.headers]
    assert len(names) == len(set(names))
    return {name.lower(): value for name, value in response.headers}


def test_a_problem_document() -> None:
    """RFC 9457 section 3.1."""
    response = answer(GatewayError(BODY_TOO_LARGE, "The body has 12 bytes; 10 are taken."))
    assert response.status == 413
    assert json.loads(response.body) == {
        "type": "urn:gateway:error:body-too-large",
        "title": "The request body is too large",
        "status": 413,
        "detail": "The body has 12 bytes; 10 are taken.",
        "instance": "0123456789abcdef0123456789abcdef",
    }
    assert fields(response) == {
        "content-type": "application/problem+json",
        "content-length": str(len(response.body)),
        "cache-control": "no-store",
    }
    assert response.length == len(response.body)


@pytest.mark.parametrize("accept", [None, "text/html", "text/plain"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_every_kind_in_every_form(kind: Kind, accept: str | None) -> None:
    response = answer(GatewayError(kind), accept)
    text = response.body.decode()
    assert response.status == kind.status
    assert kind.slug in text
    assert kind.title.replace("'", "&#x27;" if accept == "text/html" else "'") in text
    assert ("proxy-status" in fields(response)) == (kind.proxy_error is not None)
    assert kind.source != "upstream" or kind.proxy_error is not None


def test_headers_of_the_error_join_the_answer() -> None:
    response = answer(GatewayError(METHOD_NOT_ALLOWED, headers=(("Allow", "GET, HEAD"),)))
    assert fields(response)["allow"] == "GET, HEAD"


def test_a_head_answer_has_the_length_and_no_body() -> None:
    """RFC 9110 section 9.3.2."""
    error = GatewayError(METHOD_NOT_ALLOWED)
    asked, head = answer(error), answer(error, method="HEAD")
    assert head.body == b""
    assert head.length == asked.length == int(fields(head)["content-length"])


def test_an_exchange_of_which_nothing_is_known() -> None:
    response = problem_response(Exchange("", "", [], {}, 0.0), GatewayError(MALFORMED_REQUEST))
    assert json.loads(response.body)["status"] == 400
    assert "instance" not in json.loads(response.body)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("application/*", JSON),
        ("image/png", JSON),
        ("text/html", HTML),
        ("TEXT/HTML", HTML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("text/html;q=0.5, application/json", JSON),
        ("text/html;q=0.5, application/json;q=0.4", HTML),
        ("text/html;q=0.5, application/problem+json;q=0.6", JSON),
        ("text/html;q=0, */*", JSON),
        ("application/json;q=0, application/problem+json;q=0, */*", HTML),
        ("text/*;q=0.9, text/html;q=0.1", TEXT),
        ("text/plain", TEXT),
        ("text/plain; format=flowed ; q=0.3, text/html;q=0.2", TEXT),
        ("text/html;q=2, text/plain;q=0.1", TEXT),
        ("text/html;q=nan", JSON),
        ("text/html;q=\u0661, text/plain", TEXT),
        ("*/*;q=0.1, text/plain;q=0.1", JSON),
        (",;,;q=", JSON),
    ],
)
def test_accept(accept: str | None, form: str) -> None:
    """RFC 9110 section 12.5.1."""
    assert preferred(accept) == form
    headers = [("Accept", accept)] if accept is not None else []
    response = problem_response(exchange(headers=headers), GatewayError(INTERNAL))
    assert fields(response)["content-type"].startswith(form)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_is_escaped_and_runs_nothing() -> None:
    attack = "<script>alert('&')</script>\"{0}\ud800"
    plain, page = Page(), Page()
    plain.feed(answer(GatewayError(INTERNAL, "detail"), "text/html").body.decode())
    response = answer(GatewayError(INTERNAL, attack), "text/html", request_id=attack)
    page.feed(response.body.decode())
    assert (page.tags, page.attributes) == (plain.tags, plain.attributes)
    assert "<script>alert('&')</script>\"{0}?" in page.text
    assert fields(response)["content-security-policy"].startswith("default-src 'none'")
    assert fields(response)["x-content-type-options"] == "nosniff"


def test_as_text() -> None:
    body = answer(GatewayError(INTERNAL, "Look in the log."), "text/plain").body.decode()
    assert body == "500 The gateway failed\nLook in the log.\ninternal 0123456789abcdef0123456789abcdef\n"


@pytest.mark.parametrize(
    ("upstream", "detail", "status"),
    [
        (None, "", "gateway; error=connection_refused"),
        ("catalog", "", "gateway; error=connection_refused; next-hop=catalog"),
        ("shop catalog", "", 'gateway; error=connection_refused; next-hop="shop catalog"'),
        ("9a", "", 'gateway; error=connection_refused; next-hop="9a"'),
        ("a", 'a "b" \\ é\r\nX: y', 'gateway; error=connection_refused; next-hop=a; details="a \\"b\\" \\\\ ?X: y"'),
    ],
)  # fmt: skip
def test_proxy_status(upstream: str | None, detail: str, status: str) -> None:
    """RFC 9209 section 2.1: the upstream's name, never its address."""
    response = answer(GatewayError(UPSTREAM_REFUSED, detail), upstream=upstream, address="10.1.2.3:9101")
    assert fields(response)["proxy-status"] == status
    assert b"10.1.2.3" not in response.body


def test_a_failure_of_our_own_names_no_next_hop() -> None:
    response = answer(GatewayError(INTERNAL), upstream="catalog")
    assert fields(response)["proxy-status"] == "gateway; error=proxy_internal_error"


@pytest.mark.parametrize("accept", [None, "text/html", "text/plain"])
def test_the_cause_is_for_the_log_only(accept: str | None) -> None:
    error = GatewayError(INTERNAL, "public", cause="secret-cause")
    response = answer(error, accept)
    assert b"secret-cause" not in response.body
    assert not any(re.search("secret-cause", value) for _, value in response.headers)


def test_a_client_of_grpc_gets_the_end_of_its_call() -> None:
    made = exchange(headers=[("Accept", "text/html")], upstream="catalog")
    made.environ[CLIENT] = object()
    response = problem_response(made, GatewayError(UPSTREAM_REFUSED, "It is off, ä.", headers=(("Retry-After", "1"),)))
    assert (response.status, response.body, response.length) == (502, b"", 0)
    assert response.headers == [
        ("Content-Type", "application/grpc"),
        ("grpc-status", "14"),
        ("grpc-message", "The upstream refused the connection: It is off, %C3%A4."),
        ("Retry-After", "1"),
        ("Proxy-Status", 'gateway; error=connection_refused; next-hop=catalog; details="It is off, ?."'),
    ]
