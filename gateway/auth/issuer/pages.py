"""Requests and answers of a token endpoint: forms or JSON in, JSON out (RFC 6749 section 5, RFC 7009 section 2)."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import parse_qsl

from gateway.errors import IDENTITY_UNAVAILABLE, LOGIN_FAILED, MALFORMED_REQUEST, UPSTREAM_BAD_ANSWER, Kind
from gateway.exchange import Exchange, Headers, Response

BODY_MAX: Final = 16 << 10  # bytes
FIELDS_MAX: Final = 32

_NOT_KEPT: Final = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


class OAuthError(Exception):
    """An answer in OAuth's words; `kind` says what the log calls it."""

    def __init__(self, error: str, description: str, *, kind: Kind = MALFORMED_REQUEST, status: int = 400) -> None:
        super().__init__(error, description)
        self.error = error
        self.description = description
        self.kind = kind
        self.status = status


def invalid_request(description: str) -> OAuthError:
    """The request cannot be read."""
    return OAuthError("invalid_request", description)


def invalid_grant(description: str) -> OAuthError:
    """The password or the refresh token is not good."""
    return OAuthError("invalid_grant", description, kind=LOGIN_FAILED)


def unavailable(description: str) -> OAuthError:
    """Another try may help."""
    return OAuthError("temporarily_unavailable", description, kind=IDENTITY_UNAVAILABLE, status=503)


def bad_login(description: str) -> OAuthError:
    """The login upstream answers what cannot be used."""
    return OAuthError("server_error", description, kind=UPSTREAM_BAD_ANSWER, status=502)


def answer(body: Any) -> Response:
    """A 200 that nobody keeps; None has no body."""
    return _json(200, b"" if body is None else json.dumps(body).encode(), _NOT_KEPT)


def refuse(exchange: Exchange, error: OAuthError) -> Response:
    """An error (RFC 6749 section 5.2)."""
    exchange.error = error.kind.slug
    body = {"error": error.error, "error_description": error.description}
    return _json(error.status, json.dumps(body).encode(), _NOT_KEPT)


def published(exchange: Exchange, text: str, max_age: int) -> Response:
    """Keys, for everybody to keep a while."""
    body = text.encode()
    headers: Headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", f"public, max-age={max_age}"),
    ]
    return Response(200, headers, b"" if exchange.method == "HEAD" else body, len(body))


def read_parameters(exchange: Exchange) -> dict[str, str]:
    """The parameters of a request; one without a value counts as left out (RFC 6749 section 3.2). Raises OAuthError."""
    media_type = (exchange.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type == "application/x-www-form-urlencoded":
        pairs = _form(_body(exchange))
    elif media_type == "application/json":
        pairs = _members(_body(exchange))
    else:
        raise invalid_request("Send application/x-www-form-urlencoded or application/json.")
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise invalid_request("A parameter is there twice.")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def _body(exchange: Exchange) -> bytes:
    if exchange.body is None or exchange.body_length > BODY_MAX:
        raise invalid_request("The body is empty." if exchange.body is None else "The body is too large.")
    data = b""
    while len(data) <= BODY_MAX:
        piece = exchange.body.read(BODY_MAX + 1 - len(data))
        if not piece:
            return data
        data += piece
    raise invalid_request("The body is too large.")


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError:
        raise invalid_request("The form cannot be read.") from None


def _members(body: bytes) -> list[tuple[str, str]]:
    """The members of a JSON object in their order, twice where they stand twice."""
    try:
        pairs = json.loads(body, object_pairs_hook=_Members)
    except (ValueError, RecursionError):
        pairs = None
    if not isinstance(pairs, _Members) or len(pairs) > FIELDS_MAX:
        raise invalid_request("The body is no JSON object.")
    if not all(isinstance(value, str) for _, value in pairs):
        raise invalid_request("A parameter is no text.")
    return pairs


class _Members(list[tuple[str, Any]]):
    """An object as JSON wrote it, told from an array."""


def _json(status: int, body: bytes, extra: tuple[tuple[str, str], ...]) -> Response:
    headers: Headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *extra]
    return Response(status, headers if body else headers[1:], body)
