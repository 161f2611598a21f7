"""Header fields as metadata of gRPC, and back."""

from __future__ import annotations

import re
from typing import Final

from gateway._fast.http1_client import forwarding_fields
from gateway.errors import INVALID_HEADERS, GatewayError
from gateway.exchange import Exchange, Headers

_NAME: Final = re.compile(r"[0-9a-z_.-]+")
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_BINARY: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_BIN: Final = "-bin"
_HOP: Final = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "http2-settings"),
    )
)
#: what speaks of the client's request and its body, not of the call
_REQUEST: Final = _HOP | {
    *("host", "content-length", "content-type", "content-encoding", "expect", "range", "accept", "accept-encoding"),
    *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "x-request-timeout"),
}
#: the same of a call that the client makes itself: its coding is between the client and the service
_CALL: Final = _HOP | {"host", "content-length", "content-type", "expect", "x-request-timeout", "grpc-timeout"}
_FORWARDING: Final = frozenset(
    (
        *("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip"),
        *("x-request-id",),
    )
)
_ANSWER: Final = _HOP | {"content-length", "content-type", "content-encoding"}


def to_metadata(exchange: Exchange, is_call: bool = False) -> Headers:
    """What goes along with the call; `is_call`: the request is one itself.

    Raises GatewayError (400) for a `-bin` field that is no base64.
    """
    left_out = _CALL if is_call else _REQUEST
    made: Headers = []
    given: dict[str, str] = {}
    chosen = set()
    for field in exchange.headers if exchange.outgoing is None else exchange.outgoing:
        name, value = field[0].lower(), field[1]
        if name in _FORWARDING:
            if exchange.outgoing is not None and field not in exchange.headers:
                chosen.add(name)  # by a policy
                made.append((name, value))
            elif exchange.trusted:
                given[name] = f"{given[name]}, {value}" if name in given else value
        elif name not in left_out and (is_call or not name.startswith("grpc-")):
            _add(made, name, value)
    fields = forwarding_fields(exchange.peer, exchange.client, exchange.scheme, exchange.authority, given)
    fields["X-Request-ID"] = exchange.request_id
    made += ((name.lower(), value) for name, value in fields.items() if name.lower() not in chosen)
    return made


def _add(made: Headers, name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        return  # what metadata cannot be called
    if name.endswith(_BIN):
        if not all(_BINARY.fullmatch(part.strip()) for part in value.split(",")):
            raise GatewayError(INVALID_HEADERS, f"The field {name} is no base64.")
    elif not _VALUE.fullmatch(value):
        return
    made.append((name, value))


def to_headers(metadata: Headers) -> Headers:
    """What of an answer's metadata the client gets."""
    return [field for field in metadata if field[0] not in _ANSWER and not field[0].startswith("grpc-")]
