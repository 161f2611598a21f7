"""Exchange and Response: the two objects that travel the line.

An Exchange is one request and everything decided about it; a Response is one answer.  Both are plain slots classes:
policies read and write their attributes, nothing is hidden behind methods that do I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from gateway._fast.exchange_slots import learn
from gateway._fast.headers import joined

if TYPE_CHECKING:
    from gateway._fast.trace_context import Trace
    from gateway.auth.caller import Caller
    from gateway.contracts import Plan, RoutePlan

Headers = list[tuple[str, str]]

#: bits of `Exchange.marks`, in the order of observe.figures.OUTCOMES
CACHE_HIT, CACHE_MISS, CACHE_STALE, CACHE_BYPASS, LIMIT_SHADOW, RETRIED, HEDGED, MIRRORED = (1 << n for n in range(8))
#: this copy of an exchange is the second of two tries side by side
BESIDE = 1 << 8
#: an outcome too, the last one: a limit did without its store
LIMIT_ALONE = 1 << 9


class BodyReader(Protocol):
    """The request body as PEP 3333 hands it over; decoded from its transfer coding."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, the rest for -1; b"" at the end. Raises GatewayError when it is cut or too large."""
        ...


class Response:
    """One answer.

    `headers` are end-to-end only (hop-by-hop fields of RFC 9110 section 7.6.1 never get here), in the order they are
    sent, names as they came.  `body` is bytes, or an iterable of chunks that is closed exactly once by whoever sends
    it.  `length` is the body's size in bytes where it is known (a HEAD answer has one and no body).
    """

    __slots__ = ("body", "headers", "length", "status")

    def __init__(
        self, status: int, headers: Headers, body: bytes | Iterable[bytes] = b"", length: int | None = None
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.length = len(body) if length is None and isinstance(body, bytes) else length

    def close(self) -> None:
        """Give back what the body holds (an upstream's connection). Safe to call twice."""
        close = getattr(self.body, "close", None)
        if close is not None:
            close()


class Exchange:
    """One request on its way through the gateway; times are seconds on the monotonic clock."""

    __slots__ = (
        # what was asked; set once by the server and never changed
        "method", "target", "path", "query", "host", "authority", "scheme", "version", "headers", "environ",
        "peer", "client", "trusted", "body", "body_length", "request_id",
        # what was decided
        "plan", "route", "params", "deadline", "upstream_path", "outgoing", "state",
        # what came of it
        "response", "error", "upstream", "address", "attempts", "started", "upstream_started", "upstream_time", "sent",
        "received", "target_tried", "hurried", "caller", "trace", "marks",
    )  # fmt: skip

    method: str
    #: the request target as received (origin-form: raw path and query)
    target: str
    #: the canonical path: what is matched and authorised
    path: str
    #: the raw query string without "?"
    query: str
    #: lower-case host without port: what is matched
    host: str
    #: the host as received, with its port
    authority: str
    scheme: str
    #: "1.1" or "1.0"
    version: str
    #: as received, names and values as they came; do not change in place, see `edit_headers`
    headers: Headers
    environ: dict[str, Any]
    #: address of the socket's other end ("" on a unix socket) and of the client behind trusted proxies
    peer: str
    client: str
    #: whether `peer` is one of `server.trusted_proxies`
    trusted: bool
    body: BodyReader | None
    #: bytes; 0 = no body, -1 = of unknown length (chunked)
    body_length: int
    request_id: str
    plan: Plan
    route: RoutePlan
    #: path parameters, still percent-encoded, as they came
    params: dict[str, str] | None
    deadline: float
    #: path and query for the upstream; None = forward `target`
    upstream_path: str | None
    #: headers for the upstream once a policy changed them; None = forward `headers`
    outgoing: Headers | None
    #: room for policies: {policy name: anything}
    state: dict[str, Any] | None
    #: who calls, once a provider said so
    caller: Caller | None
    #: where it stands in a trace; None where traces are off
    trace: Trace | None
    response: Response | None
    #: slug of the error that was answered
    error: str | None
    upstream: str | None
    #: the target that answered or was tried last
    address: str | None
    attempts: int
    #: the target of the last try; room for whoever tries again
    target_tried: Any
    #: whether the caller itself cut the time short: what then fails says nothing about the upstream
    hurried: bool
    started: float
    upstream_started: float
    #: seconds spent waiting for upstreams: for the head of the answer, and for each piece of a body that streams
    upstream_time: float
    #: bytes of body sent to the client; after an upgrade, those of the tunnel
    sent: int
    #: bytes that the client sent after an upgrade
    received: int
    #: what policies and upstreams did, bits: CACHE_HIT and those after it
    marks: int

    def __init__(self, method: str, target: str, headers: Headers, environ: dict[str, Any], started: float) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.environ = environ
        self.started = started
        self.params = self.upstream_path = self.outgoing = self.state = None
        self.response = self.error = self.upstream = self.address = self.body = None
        self.target_tried = self.caller = self.trace = None
        self.hurried = False
        self.attempts = self.sent = self.received = self.body_length = self.marks = 0
        self.upstream_started = self.upstream_time = 0.0

    def edit_headers(self) -> Headers:
        """The list that goes to the upstream, ready to be changed."""
        if self.outgoing is None:
            self.outgoing = list(self.headers)
        return self.outgoing

    def header(self, name: str) -> str | None:
        """The value of a request header (lower-case `name`), repeated ones joined by ", " (RFC 9110 section 5.3)."""
        return joined(self.headers, name)


learn(Exchange)
