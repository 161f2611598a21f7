"""Requests that become entries of a Redis stream, for others to work on; the client gets 202 and the entry's id.

At least once: who gets no answer tries again, and the entry may be there twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from gateway.errors import STORE_UNAVAILABLE, STREAM_FULL, GatewayError
from gateway.exchange import Exchange, Response
from gateway.http.body import read_whole
from gateway.state.redis.scripts import Call
from gateway.state.redis.store import Script
from gateway.state.store import StoreError

#: asks Redis; see gateway.state.redis.scripts.Scripts.run
Run = Callable[[Sequence[Call]], list[Any]]

PREFIX: Final = b"gw:stream:"
#: seconds until a full stream is worth another try
LATER: Final = "5"

#: KEYS: the stream; ARGV: the most entries, whether the oldest make room, then fields and values.  false = it is full
ADD: Final = Script("""
local most = tonumber(ARGV[1])
if ARGV[2] == '1' then
  return redis.call('XADD', KEYS[1], 'MAXLEN', '~', most, '*', unpack(ARGV, 3))
end
if redis.call('XLEN', KEYS[1]) >= most then return false end
return redis.call('XADD', KEYS[1], '*', unpack(ARGV, 3))
""")


class Enqueue:
    """Puts requests into `stream`; `run` None is a plan that serves nobody."""

    __slots__ = ("_drops", "_headers", "_max_body", "_most", "_run", "_stream")

    def __init__(
        self, stream: str, run: Run | None, *, most: int, drops: bool, headers: tuple[str, ...], max_body: int
    ) -> None:
        """`drops`: the oldest of `most` entries make room; `headers` (lower case) go along; `max_body` is bytes."""
        self._stream = stream
        self._run = run
        self._most = most
        self._drops = drops
        self._headers = headers
        self._max_body = max_body

    def fetch(self, exchange: Exchange) -> Response:
        """202 with the entry's id. Raises GatewayError: 503 when the stream is full or the store does not answer."""
        exchange.upstream = "enqueue"
        arguments = (b"%d" % self._most, b"1" if self._drops else b"0", *self._entry(exchange))
        call = Call(ADD, (PREFIX + self._stream.encode(),), arguments)
        found = self._reply(call)
        if found is None:
            words = f"The stream {self._stream} has {self._most} entries, and takes no more for now."
            raise GatewayError(STREAM_FULL, words, headers=(("Retry-After", LATER),))
        body = json.dumps({"id": found.decode("ascii")}).encode()
        return Response(202, [("Content-Type", "application/json")], body)

    def _reply(self, call: Call) -> bytes | None:
        if self._run is None:
            raise GatewayError(STORE_UNAVAILABLE)
        try:
            found: bytes | StoreError | None = self._run([call])[0]
        except StoreError as error:
            raise GatewayError(STORE_UNAVAILABLE, "The stream cannot be reached.", cause=error) from None
        if isinstance(found, StoreError):
            raise GatewayError(STORE_UNAVAILABLE, "The stream does not take the entry.", cause=found)
        return found

    def _entry(self, exchange: Exchange) -> list[bytes]:
        """Fields and values: what was asked, by whom, and the body as it came."""
        fields = {
            "id": exchange.request_id,
            "method": exchange.method,
            "path": exchange.path,
            "query": exchange.query,
            "params": json.dumps(exchange.params or {}),
            "caller": "" if exchange.caller is None else f"{exchange.caller.provider}:{exchange.caller.subject}",
        }
        found = [text.encode("utf-8", "replace") for pair in fields.items() for text in pair]
        for name in ("content-type", *(f"header:{name}" for name in self._headers)):
            # NOTE: bytes of HTTP are characters of latin-1 within the gateway (PEP 3333).
            found += (name.encode(), (exchange.header(name.removeprefix("header:")) or "").encode("latin-1", "replace"))
        return [*found, b"body", read_whole(exchange, self._max_body)]
