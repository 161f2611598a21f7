import socket
from typing import final

class TimedOut(Exception):
    """A wait passed its deadline."""

class Interrupted(Exception):
    """The wait was ended because a linked channel's other end went away."""

@final
class Channel:
    """A connected stream socket. One greenlet at a time may wait on it. Timeouts are seconds.

    Waiting raises TimedOut, Interrupted, or OSError once the channel is closed.
    """

    linked: Channel | None
    ahead: bool

    def __init__(self, sock: socket.socket) -> None: ...
    @property
    def sock(self) -> socket.socket: ...
    @property
    def fd(self) -> int: ...
    @property
    def tls(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def unread(self) -> bool: ...
    @property
    def gone(self) -> bool: ...
    @property
    def cut(self) -> bool: ...
    @property
    def unsent(self) -> bool:
        """Whether what was left could not be sent, because the connection was gone."""
    def read(self, size: int, timeout: float) -> bytes:
        """Up to `size` bytes, b"" at the end of the stream; the first must come within `timeout`."""

    def write(self, data: bytes, timeout: float) -> None:
        """Send all of `data`; `timeout` is the longest gap without progress."""

    def leave(self, data: bytes) -> int:
        """Send `data` at the end of the loop's turn, or at once where it is alone; bytes taken, or -1.

        Up to 16 KB may be left; what the kernel does not take then follows, and whether it did is not told.
        """

    def wait_for(self, events: int, timeout: float) -> int:
        """Wait for READ (1), WRITE (2) or both; gives what came."""

    def give_back(self, data: bytes) -> None:
        """Give read bytes back; the next read returns them."""

    def rest_idle(self) -> None:
        """An exchange is over and nobody reads for a while: watch the other end, forget what the exchange left."""

    def stale(self) -> bool:
        """Whether an idle kept-alive channel can no longer be used."""

    def close(self) -> None:
        """Close the socket and wake who waits on it. Safe to call twice."""

    def abort(self) -> None:
        """Close with a reset (RFC 9112 section 8). Safe to call twice."""

def send_posted() -> None:
    """Send all that was left to the end of the loop's turn, now."""
