"""The head of an HTTP/2 request (RFC 9113 section 8): what its own rules let pass is held against those of HTTP/1.

SECURITY: it is written as the lines of HTTP/1 and read by the same reader, so that one table of rules holds for both;
nothing that could begin another line gets that far (tests/unit/server/test_http2_head.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from gateway._fast.head_rules import RULES, Refused
from gateway._fast.http1_head import Limits, RequestHead, parse_request

Field = tuple[bytes, bytes]

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
#: what could end the request line or one of its parts
_BREAKS_LINE = re.compile(rb"[\x00-\x20\x7f]").search
_BREAKS_VALUE = re.compile(rb"[\x00\r\n]").search
_PSEUDO = frozenset((b":method", b":scheme", b":authority", b":path"))
_OF_CONNECTIONS = frozenset((b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"))


class Malformed(Exception):
    """The request is malformed in a way that only HTTP/2 knows (RFC 9113 section 8.1.1)."""


def read_head(fields: Iterable[Field], has_ended: bool, limits: Limits) -> tuple[RequestHead, dict[str, Any]]:
    """(head, environ) of a request; `has_ended`: no body follows. Raises Malformed, or Refused with the rule."""
    pseudo, ordinary = _split(fields)
    method, path, authority = _target(pseudo, ordinary)
    lines = [method + b" " + path + b" HTTP/1.1"]
    if authority is not None:
        lines.append(b"host: " + authority)
    lengths = [value for name, value in ordinary if name == b"content-length"]
    if has_ended and any(value.strip(b"0") for value in lengths):
        raise Malformed("there is a content-length, and no body (RFC 9113 8.1.1)")
    if not has_ended and not lengths:
        lines.append(b"transfer-encoding: chunked")
    lines.extend(name + b": " + value for name, value in ordinary if name != b"host")
    parsed = parse_request(b"\r\n".join(lines) + b"\r\n\r\n", limits)
    if parsed is None:
        raise Malformed("the header section has an empty line (RFC 9113 8.2.1)")
    parsed[1]["SERVER_PROTOCOL"] = "HTTP/2"
    return parsed


def _split(fields: Iterable[Field]) -> tuple[dict[bytes, bytes], list[Field]]:
    """(pseudo-header fields, ordinary fields); the former once each and first (RFC 9113 section 8.3)."""
    pseudo: dict[bytes, bytes] = {}
    ordinary: list[Field] = []
    for name, value in fields:
        if not name.startswith(b":"):
            _check(name, value)
            ordinary.append((name, value))
        elif ordinary:
            raise Malformed("a pseudo-header field stands behind an ordinary one (RFC 9113 8.3)")
        elif name not in _PSEUDO:
            raise Malformed("there is a pseudo-header field that a request does not have (RFC 9113 8.3)")
        elif name in pseudo:
            raise Malformed("a pseudo-header field stands there twice (RFC 9113 8.3)")
        else:
            pseudo[name] = value
    return pseudo, ordinary


def _check(name: bytes, value: bytes) -> None:
    """One ordinary field (RFC 9113 sections 8.2.1 and 8.2.2)."""
    if not _NAME(name):
        raise Malformed("a field's name is not a token in lower case (RFC 9113 8.2.1)")
    if _BREAKS_VALUE(value) or value != value.strip(b" \t"):
        raise Malformed("a field's value holds NUL, CR or LF, or white space around it (RFC 9113 8.2.1)")
    if name in _OF_CONNECTIONS:
        raise Malformed("there is a connection-specific field (RFC 9113 8.2.2)")
    if name == b"te" and value.lower() != b"trailers":
        raise Malformed("TE is not `trailers` (RFC 9113 8.2.2)")


def _target(pseudo: dict[bytes, bytes], ordinary: list[Field]) -> tuple[bytes, bytes, bytes | None]:
    """(method, path, authority) as they stand in a request line and Host (RFC 9113 section 8.3.1)."""
    method = pseudo.get(b":method")
    if method is None or not _METHOD(method):
        raise Malformed(":method is missing, or not a token (RFC 9113 8.3.1)")
    if method == b"CONNECT":
        raise Refused(RULES["authority-form"])
    path = pseudo.get(b":path", b"")
    if _BREAKS_LINE(path) or not (path.startswith(b"/") or (path == b"*" and method == b"OPTIONS")):
        raise Malformed(":path is missing, or not a path (RFC 9113 8.3.1)")
    if pseudo.get(b":scheme") not in (b"https", b"http"):
        raise Malformed(":scheme is missing, or not one of HTTP (RFC 9113 8.3.1)")
    hosts = [value for name, value in ordinary if name == b"host"]
    if len(hosts) > 1:
        raise Refused(RULES["host-repeated"])
    authority = pseudo.get(b":authority", hosts[0] if hosts else None)
    if hosts and hosts[0] != authority:
        raise Malformed(":authority and Host differ (RFC 9113 8.3.1)")
    if authority is not None and _BREAKS_LINE(authority):
        raise Malformed(":authority is not an authority (RFC 9113 8.3.1)")
    return method, path, authority
