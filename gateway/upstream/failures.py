"""Failures of upstreams in the words of gateway.errors. Details are public: no addresses in them."""

from __future__ import annotations

import ssl

from urllib3.exceptions import ConnectTimeoutError, EmptyPoolError, HTTPError, NameResolutionError, NewConnectionError

from gateway import errors
from gateway._fast.http1_client import WireError
from gateway.errors import GatewayError, Kind

#: what can be raised by checking a connection out
CONNECT_ERRORS = (HTTPError, OSError)

_BY_REASON: dict[str, tuple[Kind, str]] = {
    "reset": (errors.UPSTREAM_RESET, "The upstream {0} closed the connection before it answered."),
    "read-timeout": (errors.UPSTREAM_READ_TIMEOUT, "The upstream {0} sent nothing for longer than its read timeout."),
    "total-timeout": (errors.UPSTREAM_TIMEOUT, "The upstream {0} did not finish within the request's total time."),
    "bad-answer": (errors.UPSTREAM_BAD_ANSWER, "The upstream {0} sent an answer that is not proper HTTP/1.1."),
    "incomplete": (errors.UPSTREAM_INCOMPLETE, "The answer of the upstream {0} ended early."),
    "client-closed": (errors.CLIENT_CLOSED, "The client went away before the upstream {0} had answered."),
    "tls": (errors.UPSTREAM_TLS, "The upstream {0} ended the TLS connection."),
    "unsendable": (
        errors.MALFORMED_REQUEST,
        "The request for the upstream {0} would hold a character that no head may hold.",
    ),
}

_BY_KIND: dict[str, str] = {
    errors.UPSTREAM_SATURATED.slug: "Every connection to the upstream {0} is in use.",
    errors.UPSTREAM_DNS.slug: "The name of the upstream {0} cannot be resolved.",
    errors.UPSTREAM_CONNECT_TIMEOUT.slug: "The upstream {0} did not accept a connection in time.",
    errors.UPSTREAM_REFUSED.slug: "The upstream {0} refused the connection.",
    errors.UPSTREAM_UNREACHABLE.slug: "The upstream {0} cannot be reached.",
    errors.UPSTREAM_CERTIFICATE.slug: "The certificate of the upstream {0} is not trusted.",
    errors.UPSTREAM_TLS.slug: "No TLS connection to the upstream {0} came about.",
    errors.UPSTREAM_RESET.slug: "The upstream {0} closed the connection while it was set up.",
    errors.UPSTREAM_TIMEOUT.slug: "There was no time left to reach the upstream {0}.",
}


def exchange_failure(name: str, error: WireError) -> GatewayError:
    """The GatewayError for an exchange that failed on the wire."""
    kind, detail = _BY_REASON[error.reason]
    return GatewayError(kind, detail.format(name), cause=error.detail)


def connect_failure(name: str, error: BaseException, is_out_of_time: bool) -> GatewayError:
    """The GatewayError for a connection that did not come about, `is_out_of_time` when the request's time ran out."""
    kind = _kind(error)
    if is_out_of_time and kind in (errors.UPSTREAM_CONNECT_TIMEOUT, errors.UPSTREAM_SATURATED):
        kind = errors.UPSTREAM_TIMEOUT
    return GatewayError(kind, _BY_KIND[kind.slug].format(name), cause=error)


def _kind(error: BaseException) -> Kind:
    if isinstance(error, EmptyPoolError):
        return errors.UPSTREAM_SATURATED
    if isinstance(error, NameResolutionError):
        return errors.UPSTREAM_DNS
    if isinstance(error, NewConnectionError):
        refused = isinstance(error.__cause__, (ConnectionRefusedError, FileNotFoundError))
        return errors.UPSTREAM_REFUSED if refused else errors.UPSTREAM_UNREACHABLE
    if isinstance(error, (ConnectTimeoutError, TimeoutError)):
        return errors.UPSTREAM_CONNECT_TIMEOUT
    if isinstance(error, ssl.SSLCertVerificationError):
        return errors.UPSTREAM_CERTIFICATE
    if isinstance(error, ssl.SSLError):
        return errors.UPSTREAM_TLS
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return errors.UPSTREAM_RESET
    return errors.UPSTREAM_UNREACHABLE
