"""Requests of the gateway's own: to an address over its pools, or to a path of one of its upstreams.

Both implement `gateway.auth.caller.Http`: one request, one whole answer, redirects not followed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Final
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4

from gateway._fast.http1_client import Answer, WireError, talk
from gateway._fast.trace_context import waited
from gateway.contracts import Fetch
from gateway.errors import UPSTREAM_BAD_ANSWER, UPSTREAM_TIMEOUT, UPSTREAM_TLS, UPSTREAM_UNREACHABLE, GatewayError
from gateway.exchange import Exchange, Headers
from gateway.upstream.failures import CONNECT_ERRORS, connect_failure, exchange_failure
from gateway.upstream.pool.connection import Connection
from gateway.upstream.pool.pool import Address, PoolSettings, TargetPool
from gateway.upstream.pool.registry import PoolKey, Pools, TLSSettings

#: bytes of the largest answer
ANSWER_MAX: Final = 1 << 20
#: seconds that a server's pool is kept for after its last request
KEPT: Final = 300.0
#: what error details call who is asked: they are public, so no address
NAME: Final = "that is asked who calls"
_SETTINGS: Final = PoolSettings(max_connections=64, idle=15.0)
_PORTS: Final = {"http": 80, "https": 443}
_SAFE: Final = frozenset(("GET", "HEAD"))


class InternalClient:
    """Requests to absolute URLs: https, verified by the system's authorities; `with_tls` makes others.

    One for each worker; it outlives plans, and so do the pools that `pool_keys` names.
    """

    def __init__(self, pools: Pools, clock: Callable[[], float] = monotonic) -> None:
        self._pools = pools
        self._clock = clock
        self._tls = TLSSettings()
        self._allows_http = False
        #: when each pool was asked for last; shared with what `with_tls` gives
        self._used: dict[PoolKey, float] = {}

    def with_tls(self, ca: str = "", insecure: bool = False) -> InternalClient:
        """The same with a file of authorities in place of the system's; `insecure` allows http, but verifies https.

        Reads the file: raises OSError, ssl.SSLError.
        """
        made = InternalClient(self._pools, self._clock)
        made._tls = TLSSettings.read(ca, "", "", "", False) if ca else TLSSettings()
        made._allows_http = insecure
        made._used = self._used
        return made

    def pool_keys(self) -> frozenset[PoolKey]:
        """The pools in use: `Pools.retain` is to be told, or they are drained with the next plan."""
        oldest = self._clock() - KEPT
        for key in [key for key, used in self._used.items() if used < oldest]:
            del self._used[key]
        return frozenset(self._used)

    def request(
        self, method: str, url: str, *, headers: Headers | None = None, body: bytes = b"", timeout: float = 5.0
    ) -> tuple[int, Headers, bytes]:
        """(status, headers, body) within `timeout` seconds. Raises GatewayError."""
        parts = self._checked(url)
        pool = self._pool(parts)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        exchange = _exchange(method, target, headers, body, parts.scheme)
        began = monotonic()
        exchange.deadline = began + timeout
        try:
            return _whole(_answer(exchange, pool, body))
        finally:
            waited(began)

    def _checked(self, url: str) -> SplitResult:
        """SECURITY: URLs come from discovery documents too, so they may say anything."""
        try:
            parts = urlsplit(url)
            is_sound = bool(parts.hostname) and parts.port != 0 and parts.username is None and not parts.fragment
            is_sound = is_sound and url.isascii() and url.isprintable() and " " not in url
        except ValueError:
            is_sound = False
        if not is_sound or parts.scheme not in _PORTS:
            raise GatewayError(UPSTREAM_UNREACHABLE, f"The upstream {NAME} has an address that cannot be used.")
        if parts.scheme == "http" and not self._allows_http:
            raise GatewayError(UPSTREAM_TLS, f"The upstream {NAME} is not asked without TLS.")
        return parts

    def _pool(self, parts: SplitResult) -> TargetPool:
        assert parts.hostname
        address = Address(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])
        key = PoolKey(address, _SETTINGS, self._tls if parts.scheme == "https" else TLSSettings())
        self._used[key] = self._clock()
        return self._pools.get(key)


class UpstreamClient:
    """Requests to paths of a named upstream: its balancing, retries and breakers apply."""

    def __init__(self, fetch: Fetch, total: float) -> None:
        """`fetch` is the upstream's, `total` the seconds that its configuration gives a whole exchange."""
        self._fetch = fetch
        self._total = total

    def request(
        self, method: str, url: str, *, headers: Headers | None = None, body: bytes = b"", timeout: float = 5.0
    ) -> tuple[int, Headers, bytes]:
        """(status, headers, body) of the path `url` within `timeout` seconds. Raises GatewayError."""
        exchange = _exchange(method, url, headers, body, "http")
        exchange.deadline = exchange.started + min(timeout, self._total)
        try:
            response = self._fetch(exchange)
            try:
                return response.status, response.headers, _read(response.body)
            finally:
                response.close()
        finally:
            waited(exchange.started)


def _exchange(method: str, target: str, headers: Headers | None, body: bytes, scheme: str) -> Exchange:
    """What the wire and the balancers read of a request, for one that no client sent."""
    given = headers or []
    names = {name.lower() for name, _ in given}
    defaults = [("User-Agent", "gateway"), ("Accept", "*/*"), ("Accept-Encoding", "identity")]
    exchange = Exchange(method, target, [], {}, monotonic())
    # NOTE: as if a policy had set them, so that a caller's X-Forwarded-For goes out.
    exchange.outgoing = given + [pair for pair in defaults if pair[0].lower() not in names]
    exchange.path, _, exchange.query = target.partition("?")
    exchange.host = exchange.authority = exchange.peer = exchange.client = ""
    exchange.scheme, exchange.version, exchange.trusted = scheme, "1.1", False
    exchange.request_id = uuid4().hex
    exchange.body, exchange.body_length = (io.BytesIO(body), len(body)) if body else (None, 0)
    return exchange


def _answer(exchange: Exchange, pool: TargetPool, body: bytes) -> Answer:
    """The answer on a pooled connection; once more on a fresh one where the server had given the pooled one up."""
    connection = _connection(exchange, pool, is_fresh=False)
    try:
        return _talk(exchange, connection, body)
    except WireError as error:
        is_lost = error.reason == "reset" and error.is_replayable and (not error.sent or exchange.method in _SAFE)
        if connection.uses == 1 or not is_lost:
            raise exchange_failure(NAME, error) from error
    try:
        return _talk(exchange, _connection(exchange, pool, is_fresh=True), body)
    except WireError as error:
        raise exchange_failure(NAME, error) from error


def _talk(exchange: Exchange, connection: Connection, body: bytes) -> Answer:
    exchange.authority = connection.default_host
    left = exchange.deadline - monotonic()
    try:
        return talk(exchange, connection, left, exchange.deadline, body, lambda error: exchange_failure(NAME, error))
    except BaseException:
        connection.release(False)
        raise


def _connection(exchange: Exchange, pool: TargetPool, is_fresh: bool) -> Connection:
    now = monotonic()
    left = exchange.deadline - now
    if left <= 0:
        raise GatewayError(UPSTREAM_TIMEOUT, f"There was no time left to reach the upstream {NAME}.")
    try:
        if is_fresh:
            return pool.open(left, until=exchange.deadline)
        return pool.checkout(now, left, exchange.deadline)
    except CONNECT_ERRORS as error:
        raise connect_failure(NAME, error, monotonic() >= exchange.deadline) from error


def _whole(answer: Answer) -> tuple[int, Headers, bytes]:
    try:
        if answer.length is not None and answer.length > ANSWER_MAX:
            raise _too_large()
        return answer.status, answer.headers, _read(answer.body)
    finally:
        answer.close()


def _read(body: bytes | Iterable[bytes]) -> bytes:
    """A body to its end. Raises GatewayError for a large one, and what reading raises."""
    pieces, size = [], 0
    for piece in (body,) if isinstance(body, bytes) else body:
        size += len(piece)
        if size > ANSWER_MAX:
            raise _too_large()
        pieces.append(piece)
    return b"".join(pieces)


def _too_large() -> GatewayError:
    return GatewayError(UPSTREAM_BAD_ANSWER, f"The answer of the upstream {NAME} is larger than 1 MB.")
