from collections.abc import Iterator
from typing import Protocol, final

from gateway._fast.channel import Channel

class _Owner(Protocol):
    """Who holds the connection to the upstream."""

    def release(self, keep: bool, /) -> None: ...

def close_frame(key: bytes) -> bytes:
    """The gateway's Close frame, 1001 going away; masked with the four bytes of `key`, if there is one."""

@final
class Frames:
    """Follows the frame headers of one direction (RFC 6455 section 5.2)."""

    @property
    def closed(self) -> bool:
        """Whether a whole Close frame went by."""

    @property
    def lost(self) -> bool:
        """Whether there was a length that no frame has: nothing behind it can be told."""

    @property
    def between(self) -> bool:
        """Whether the next byte is the first of a frame."""

    def follow(self, data: bytes, stop: bool = False) -> int:
        """Go on over `data`, with `stop` only up to the first place between two frames; gives the bytes passed."""

@final
class Lane:
    """One direction of a tunnel."""

    def on_readable(self) -> None:
        """Watcher callback of the source."""

    def on_writable(self) -> None:
        """Watcher callback of the sink, while something waits for it."""

@final
class Tunnel:
    """The body of a 101: run() joins the client with the upstream until one of them is done.

    Ownership: `owner.release(False)` is called once, when it ends or is closed. `idle` is in seconds.
    """

    idle: float
    def __init__(self, owner: _Owner, upstream: Channel, early: bytes = b"") -> None:
        """`early` is what came behind the head of the 101."""

    @property
    def sent(self) -> int:
        """Bytes to the client."""

    @property
    def received(self) -> int:
        """Bytes to the upstream."""

    def run(self, client: Channel) -> None:
        """Join them; the caller's greenlet sleeps meanwhile. What goes wrong only ends it."""

    def drain(self) -> None:
        """End it in order: a Close frame (1001) to both sides as soon as it fits. For any greenlet."""

    def close(self) -> None:
        """Give the upstream's connection up. Safe to call twice."""

    def __iter__(self) -> Iterator[bytes]:
        """Nothing: whoever takes it for a body finds it empty."""
