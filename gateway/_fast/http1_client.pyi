from collections.abc import Callable, Iterator
from typing import Protocol, final

from gateway._fast.channel import Channel
from gateway._fast.tunnel import Tunnel
from gateway.exchange import Exchange

class _Owner(Protocol):
    """Who holds the connection while an exchange is on it."""

    @property
    def channel(self) -> Channel | None: ...
    @property
    def default_host(self) -> str: ...
    def release(self, keep: bool, /) -> None: ...

class WireError(Exception):
    """An exchange failed.

    `reason` is one of: reset, read-timeout, total-timeout, bad-answer, incomplete, client-closed, tls, unsendable;
    `detail` is for the log.  `is_replayable` tells that the upstream gave no byte of an answer and that nothing of the
    body is lost, `sent` whether it can have seen any of the request.
    """

    reason: str
    detail: str
    sent: bool
    is_replayable: bool
    def __init__(self, reason: str, detail: str, sent: bool = False, is_replayable: bool = False) -> None: ...

@final
class Answer:
    """An upstream's answer. `body` is bytes, or this object: an iterable that holds the connection until close().

    Of a 101 it is a Tunnel, to which the connection belongs from then on.
    """

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> list[tuple[str, str]]: ...
    @property
    def body(self) -> bytes | Answer | Tunnel: ...
    @property
    def length(self) -> int | None: ...
    @property
    def ready(self) -> bool:
        """Whether the next piece is here already."""

    def __iter__(self) -> Iterator[bytes]: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None:
        """End the exchange: a body that was not read to its end costs the connection. Safe to call twice."""

def talk(
    exchange: Exchange,
    owner: _Owner,
    read_timeout: float,
    deadline: float,
    first: bytes,
    fail: Callable[[WireError], Exception],
) -> Answer:
    """Send the exchange's request on `owner.channel` and read the answer: its head, or all where it came at once.

    `first` is the first piece of the request body (b"" without one), `read_timeout` the longest gap in seconds,
    `deadline` monotonic.  Ownership: `owner.release(keep)` is called once when the answer has ended or was closed;
    when talk raises, nothing was released.  `fail(WireError)` makes the exception that iterating the body raises.
    """

def decode_chunks(data: bytes) -> tuple[bytes, int] | None:
    """(body, bytes used) of a whole chunked body at the start of `data`, None while incomplete; raises Refused."""

def forwarding_fields(peer: str, client: str, scheme: str, authority: str, given: dict[str, str]) -> dict[str, str]:
    """Forwarding fields by name: `given` are a trusted proxy's, by lower-case name, else empty (RFC 7239)."""
