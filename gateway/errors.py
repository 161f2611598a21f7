"""Every failure the gateway can answer with, and the only place that picks a status.

A `Kind` says who failed (RFC 9209 speaks of the same three parties), whether another try may help, and the public
words.  The `type` of a problem document (RFC 9457) is `urn:gateway:error:<slug>`; docs/errors.md explains each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

Source = Literal["client", "upstream", "gateway"]

TYPE_PREFIX = "urn:gateway:error:"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to fail. `proxy_error` is the RFC 9209 section 2.3 token, where one fits."""

    slug: str
    status: int
    title: str
    source: Source
    retryable: bool = False
    proxy_error: str | None = None

    @property
    def type(self) -> str:
        """The problem type URI of this kind."""
        return TYPE_PREFIX + self.slug


class GatewayError(Exception):
    """A failure on its way to become an answer.

    `detail` is public: it helps the reader and holds no secret.  `cause` is for the log only.
    `headers` join the answer (`Allow`, `Retry-After`, `WWW-Authenticate`).
    """

    def __init__(
        self,
        kind: Kind,
        detail: str = "",
        *,
        headers: tuple[tuple[str, str], ...] = (),
        cause: BaseException | str | None = None,
    ) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        #: whether the upstream may have seen any of the request; whoever knows better says so
        self.was_sent = True
        self.headers = headers
        self.cause = cause
        #: further members of the problem document (RFC 9457 section 3.2), ready for JSON
        self.extensions: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.kind.slug}: {self.detail or self.kind.title}"

    @property
    def retryable(self) -> bool:
        """Whether another try may help; only the attempt loop asks."""
        return self.kind.retryable


def _client(slug: str, status: int, title: str, proxy_error: str | None = None) -> Kind:
    return Kind(slug, status, title, "client", False, proxy_error)


def _upstream(slug: str, status: int, title: str, proxy_error: str, retryable: bool = True) -> Kind:
    return Kind(slug, status, title, "upstream", retryable, proxy_error)


# The client's failures (RFC 9110 section 15.5)
MALFORMED_REQUEST = _client("malformed-request", 400, "The request is malformed", "http_request_error")
AMBIGUOUS_PATH = _client("ambiguous-path", 400, "The path can be read in two ways", "http_request_error")
ROUTE_NOT_FOUND = _client("route-not-found", 404, "No route matches the request")
METHOD_NOT_ALLOWED = _client("method-not-allowed", 405, "The method is not allowed here")
REQUEST_TIMEOUT = _client("request-timeout", 408, "The request took too long to arrive")
BODY_TOO_LARGE = _client("body-too-large", 413, "The request body is too large")
TARGET_TOO_LONG = _client("target-too-long", 414, "The request line is too long")
EXPECTATION_FAILED = _client("expectation-failed", 417, "The expectation cannot be met")
HEADERS_TOO_LARGE = _client("headers-too-large", 431, "The request headers are too large")
CLIENT_CLOSED = _client("client-closed", 499, "The client went away")
UNSUPPORTED_TRANSFER_CODING = _client("unsupported-transfer-coding", 501, "The transfer coding is not supported")
METHOD_NOT_ROUTABLE = _client("method-not-routable", 501, "The method is never proxied")
VERSION_NOT_SUPPORTED = _client("version-not-supported", 505, "The HTTP version is not supported")

# Who calls, and what they may do (RFC 9110 section 15.5.2 and 15.5.4; RFC 6750 section 3.1)
UNAUTHENTICATED = _client("unauthenticated", 401, "The request says nobody whom the gateway knows")
INVALID_TOKEN = _client("invalid-token", 401, "The credential is not valid")
FORBIDDEN = _client("forbidden", 403, "The caller may not do this")
RATE_LIMITED = _client("rate-limited", 429, "There were too many requests")
BLOCKED = _client("blocked", 429, "There were too many requests for too long")
CSRF = _client("csrf", 403, "The request lacks the token that shows it is meant")
ADDRESS_DENIED = _client("address-denied", 403, "The client's address may not call this")
CORS_REFUSED = _client("cors-refused", 403, "Pages of other origins may not call this so")
LOGIN_FAILED = _client("login-failed", 401, "The login failed")

# What a request is (RFC 9110 section 15.5.16)
UNSUPPORTED_MEDIA_TYPE = _client("unsupported-media-type", 415, "The body is of a kind that is not taken")
NOT_ACCEPTABLE = _client("not-acceptable", 406, "There is no answer of a kind that is asked for")
UNEXPECTED_BODY = _client("unexpected-body", 400, "The request has a body where none is taken")
MISSING_BODY = _client("missing-body", 400, "The request has no body where one is needed")
MALFORMED_BODY = _client("malformed-body", 400, "The body cannot be read")
BODY_TOO_COMPLEX = _client("body-too-complex", 422, "The body is nested too deep, or has too many values")
INVALID_BODY = _client("invalid-body", 422, "The body does not fit")
INVALID_QUERY = _client("invalid-query", 400, "The query does not fit")
INVALID_HEADERS = _client("invalid-headers", 400, "The header fields do not fit")
INVALID_PARAMETERS = _client("invalid-parameters", 400, "The parameters in the path do not fit")
INVALID_VARIABLES = _client("invalid-variables", 400, "The values for the query do not fit")
QUERY_REFUSED = _client("query-refused", 400, "The query asks for more than is taken")
REQUEST_REJECTED = _client("request-rejected", 403, "The request looks like an attack")

# Requests that come again (draft-ietf-httpapi-idempotency-key-header section 2.7)
IDEMPOTENCY_KEY_MISSING = _client("idempotency-key-missing", 400, "The request has no key, and must have one")
IDEMPOTENCY_KEY_INVALID = _client("idempotency-key-invalid", 400, "The request's key cannot be read")
IDEMPOTENCY_KEY_REUSED = _client("idempotency-key-reused", 422, "The key belongs to another request")
IDEMPOTENCY_IN_PROGRESS = _client("idempotency-in-progress", 409, "The same request is under way")

# The upstream's failures
UPSTREAM_REFUSED = _upstream("upstream-refused", 502, "The upstream refused the connection", "connection_refused")
UPSTREAM_UNREACHABLE = _upstream(
    "upstream-unreachable", 502, "The upstream cannot be reached", "destination_ip_unroutable"
)
UPSTREAM_DNS = _upstream("upstream-dns", 502, "The upstream's name cannot be resolved", "dns_error")
UPSTREAM_TLS = _upstream("upstream-tls", 502, "The upstream's TLS failed", "tls_protocol_error")
UPSTREAM_CERTIFICATE = _upstream(
    "upstream-certificate", 502, "The upstream's certificate is not trusted", "tls_certificate_error"
)
UPSTREAM_RESET = _upstream("upstream-reset", 502, "The upstream closed the connection", "connection_terminated")
UPSTREAM_BAD_ANSWER = _upstream("upstream-bad-answer", 502, "The upstream's answer is malformed", "http_protocol_error")
UPSTREAM_INCOMPLETE = _upstream(
    "upstream-incomplete", 502, "The upstream's answer ended early", "http_response_incomplete", retryable=False
)
UPSTREAM_SATURATED = _upstream(
    "upstream-saturated", 503, "Every connection to the upstream is in use", "connection_limit_reached"
)
NO_TARGET = _upstream("no-target", 503, "The upstream has no target", "destination_unavailable", retryable=False)
CIRCUIT_OPEN = _upstream(
    "circuit-open", 503, "The upstream failed too often to be asked now", "destination_unavailable", retryable=False
)
UPSTREAM_CONNECT_TIMEOUT = _upstream(
    "upstream-connect-timeout", 504, "Connecting to the upstream took too long", "connection_timeout"
)
UPSTREAM_READ_TIMEOUT = _upstream(
    "upstream-read-timeout", 504, "The upstream did not answer in time", "http_response_timeout"
)
UPSTREAM_TIMEOUT = _upstream(
    "upstream-timeout", 504, "The request ran out of its total time", "http_response_timeout", retryable=False
)

PART_FAILED = _upstream(
    "part-failed", 502, "A part of the answer could not be had", "destination_unavailable", retryable=False
)
PART_TIMEOUT = _upstream(
    "part-timeout", 504, "A part of the answer did not come in time", "http_response_timeout", retryable=False
)

#: what a service says itself when it is called; the status is what its code stands for (`rpc_error`)
TRANSFORM_FAILED = _upstream(
    "transform-failed", 502, "The upstream's answer cannot be transformed", "http_protocol_error", retryable=False
)
RPC_ERROR = _upstream("rpc-error", 502, "The service answered with an error", "http_protocol_error", retryable=False)

# The request wants only what is kept (RFC 9111 section 5.2.1.7)
NOT_CACHED = _client("not-cached", 504, "Nothing is kept that would answer the request")

# The admin listener's
ADMIN_TOKEN = _client("admin-token", 401, "The admin API wants its token")
ADMIN_ORIGIN = _client("admin-origin", 403, "The admin API does not answer other sites")
ADMIN_HEADER = _client("admin-header", 403, "The request lacks the header that changes need")
ADMIN_HOST = _client("admin-host", 421, "The admin API is not reached under this host name")
UNKNOWN_ROUTE = _client("unknown-route", 404, "There is no such route")
UNKNOWN_TARGET = _client("unknown-target", 404, "There is no such target")
UNKNOWN_ENTRY = _client("unknown-entry", 404, "There is no such entry")
BAD_CHANGE = _client("bad-change", 422, "The change cannot be made")
CONFIG_REFUSED = _client("config-refused", 422, "The configuration cannot be used")
RELOAD_INCOMPLETE = Kind("reload-incomplete", 504, "Not every worker runs the new plan yet", "gateway", True)

# Our own
OVERLOADED = Kind(
    "overloaded", 503, "There is more to do than the upstream can take", "gateway", False, "connection_limit_reached"
)
INTERNAL = Kind("internal", 500, "The gateway failed", "gateway", False, "proxy_internal_error")
PLUGIN_FAILED = Kind("plugin-failed", 500, "A policy of this route failed", "gateway", False, "proxy_internal_error")
IDENTITY_UNAVAILABLE = Kind("identity-unavailable", 503, "Who calls cannot be found out now", "gateway", True)
STORE_UNAVAILABLE = Kind("store-unavailable", 503, "What the gateway must remember is out of reach", "gateway", True)
FUNCTION_FAILED = Kind(
    "function-failed", 500, "The function of this route failed", "gateway", False, "proxy_internal_error"
)
FUNCTION_BUSY = Kind(
    "function-busy", 503, "The function of this route is busy", "gateway", True, "connection_limit_reached"
)
FUNCTION_TIMEOUT = Kind("function-timeout", 504, "The function of this route did not end in time", "gateway", False)
STREAM_FULL = Kind("stream-full", 503, "The stream takes no more for now", "gateway", True)
ACTIVATION_FULL = Kind(
    "activation-full",
    503,
    "Too many requests wait for the upstream",
    "upstream",
    False,
    "destination_unavailable",
)
ACTIVATION_TIMEOUT = Kind(
    "activation-timeout", 504, "The upstream did not start in time", "upstream", False, "destination_unavailable"
)
LIMITS_UNAVAILABLE = Kind("limits-unavailable", 503, "What limits are counted with is out of reach", "gateway", True)
OBSERVER_UNAVAILABLE = Kind(
    "observer-unavailable", 503, "What observes the gateway does not answer now", "gateway", True
)
NOT_CONFIGURED = Kind(
    "not-configured", 503, "The gateway has no configuration", "gateway", False, "proxy_configuration_error"
)


def rpc_error(status: int) -> Kind:
    """The kind of an error that a service named by a code of its own, where the code stands for `status`."""
    return replace(RPC_ERROR, status=status)


KINDS: tuple[Kind, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Kind))
