"""Trace records of workers: one tuple a request, as `marshal` writes it, many to a datagram."""

from __future__ import annotations

import io
import marshal
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from gateway._fast.trace_context import Trace
from gateway.exchange import Exchange

SOCKET: Final = "spans.sock"
#: changes with the fields of Kept; what another version sent (USR2) is dropped
VERSION: Final = 1
#: characters of a path, and of other texts that a client chooses
_PATH: Final = 1024
_TEXT: Final = 256


class TraceRecord(NamedTuple):
    """A request; `started` is wall-clock seconds, `began` the monotonic ones of the same moment."""

    format: int
    trace: str
    span: str
    #: the caller's span, "" where there is none
    parent: str
    #: what the upstream was given as its parent with the first try
    sent: str
    sampled: bool
    state: str
    reason: str
    started: float
    began: float
    ended: float
    method: str
    scheme: str
    authority: str
    path: str
    version: str
    client: str
    peer: str
    agent: str
    request_id: str
    route: str
    upstream: str
    address: str
    status: int
    error: str
    attempts: int
    sent_bytes: int
    upstream_started: float
    upstream_time: float
    #: of a sampled request: [span, upstream, address, began, ended, status, error] for each try
    calls: list[list[Any]] | None
    #: of a sampled request: [name, began, ended, operations]
    steps: list[list[Any]] | None


def encode(exchange: Exchange, trace: Trace, reason: str, ended: float, wall: float) -> bytes:
    """The bytes of a request that ended at `ended` (monotonic), which is `wall` seconds since 1970."""
    response = exchange.response
    sent = trace.sent
    fields = exchange.headers if exchange.outgoing is None else exchange.outgoing
    state = agent = ""
    for name, value in fields:
        size = len(name)
        if size == 10 and name.lower() == "tracestate":
            state = f"{state},{value}" if state else value
        elif size == 10 and name.lower() == "user-agent":
            agent = value
    values = (
        *(VERSION, sent[3:35], trace.kept(), trace.parent, sent[36:52], trace.sampled, state[: 2 * _PATH], reason),
        *(wall - (ended - exchange.started), exchange.started, ended),
        *(exchange.method[:_TEXT], exchange.scheme, exchange.authority[:_TEXT], exchange.path[:_PATH]),
        *(exchange.version, exchange.client, exchange.peer, agent[:_TEXT], exchange.request_id[:_TEXT]),
        *(exchange.route.name, exchange.upstream or "", exchange.address or ""),
        *(0 if response is None else response.status, exchange.error or "", exchange.attempts, exchange.sent),
        *(exchange.upstream_started, exchange.upstream_time, trace.calls, trace.steps),
    )
    return marshal.dumps(values)


def unpacked(datagram: bytes) -> Iterator[TraceRecord]:
    """The requests of a datagram. Raises ValueError for what is none; those before it have been given.

    NOTE: marshal trusts what it reads: only the gateway's own processes can write into the runtime directory.
    """
    stream = io.BytesIO(datagram)
    while stream.tell() < len(datagram):
        try:
            found = marshal.load(stream)  # noqa: S302 - see above
        except (EOFError, TypeError) as error:
            raise ValueError("a datagram is cut off") from error
        if not isinstance(found, tuple) or len(found) != len(TraceRecord._fields) or found[0] != VERSION:
            raise ValueError("a datagram is none of this version")
        yield TraceRecord._make(found)
