from collections.abc import Callable, Iterable, Iterator
from typing import Any, final

from gateway._fast.channel import Channel
from gateway._fast.head_rules import RULES as RULES
from gateway._fast.http1_head import Limits

@final
class Settings:
    """What the loop takes from the configuration: replaced as a whole by a reload. Seconds and bytes."""

    def __init__(
        self, limits: Limits, keepalive: float, header_timeout: float, body_timeout: float, max_body: int
    ) -> None: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def keepalive(self) -> float: ...
    @property
    def header_timeout(self) -> float: ...
    @property
    def body_timeout(self) -> float: ...
    @property
    def max_body(self) -> int: ...

@final
class Server:
    """What the connections of one listener in one worker share."""

    settings: Settings
    def __init__(self, app: Callable[..., Any], settings: Settings, fail: Callable[[str, str], Exception]) -> None:
        """`app` is a WSGI application; `fail(slug, detail)` makes the exception for a body that cannot be read."""

    @property
    def app(self) -> Callable[..., Any]: ...
    @property
    def fail(self) -> Callable[[str, str], Exception]: ...
    @property
    def connections(self) -> set[Connection]: ...
    @property
    def requests(self) -> int: ...
    @property
    def draining(self) -> bool: ...
    def drain(self) -> None:
        """From now on every answer is the last of its connection, and says so."""

    def close_idle(self) -> None:
        """Close the connections on which no request has begun."""

@final
class Body:
    """`wsgi.input`: the request body, decoded. Reads are short: what is there, at least one byte, b"" at the end."""

    @property
    def done(self) -> bool: ...
    @property
    def taken(self) -> int: ...
    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; all of the rest for -1. Raises what `Server.fail` makes."""

    def readline(self, size: int = -1) -> bytes: ...
    def readlines(self, hint: int | None = None) -> list[bytes]: ...
    def __iter__(self) -> Iterator[bytes]: ...

class NoBody:
    """`wsgi.input` of a request without a body."""

    done: bool
    taken: int
    def read(self, size: int = -1) -> bytes: ...
    def readline(self, size: int = -1) -> bytes: ...
    def readlines(self, hint: int | None = None) -> list[bytes]: ...
    def __iter__(self) -> Iterator[bytes]: ...

@final
class Connection:
    """One client connection."""

    def __init__(self, server: Server, channel: Channel, base: dict[str, Any], head_deadline: float) -> None:
        """`base` is the environ of the connection; the first head must be there by `head_deadline` (monotonic)."""

    @property
    def channel(self) -> Channel: ...
    def serve(self) -> None:
        """Answer requests until the connection ends. Never raises."""

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None: ...
    def early_hints(self, headers: Iterable[tuple[str, str]]) -> None:
        """Send a 103 (RFC 8297)."""

def read_chunk_size(line: bytes) -> int:
    """The size on a chunk's first line (without its CRLF), -1 for anything odd (RFC 9112 section 7.1)."""
