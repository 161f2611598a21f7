from collections.abc import Callable
from typing import final

from gateway.exchange import Exchange, Response

@final
class Trace:
    """What is known of the trace of one request.

    sent      the traceparent that the upstream is given with the first try
    parent    the caller's span: 16 digits, "" where there is none
    span      the gateway's own: 16 digits, "" as long as nobody needs it
    calls     of a sampled request, a list [span, upstream, address, began, ended, status, error] for each try
    steps     of a sampled request, a list [name, began, ended, operations] for each step that did input or output
    """

    @property
    def sent(self) -> str: ...
    @property
    def parent(self) -> str: ...
    @property
    def span(self) -> str: ...
    @property
    def sampled(self) -> bool: ...
    @property
    def b3(self) -> bool: ...
    @property
    def calls(self) -> list[list[str | float | int | None]] | None: ...
    @property
    def steps(self) -> list[list[str | float | int]] | None: ...
    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""

    def begin(
        self, exchange: Exchange, upstream: str, address: str | None, began: float
    ) -> list[str | float | int | None] | None:
        """A try of a sampled request begins: what is known of it, to be ended; None where enough is known already.

        The upstream is given the id of this try: from the second one on, a new one.
        """

    def kept(self) -> str:
        """The gateway's own span, made now where there is none."""

@final
class Tracer:
    """An on_request hook that reads the trace context, decides about sampling and writes the context anew.

    sample   share (0..1) of the traces that begin here that are kept; of all others their caller decides
    b3       whether B3 fields are read too; the upstream is then told by one of them as well
    answers  whether the client is told the gateway's span
    entropy  `os.urandom`: what ids begin with in each process
    """

    def __new__(cls, sample: float, b3: bool, answers: bool, entropy: Callable[[int], bytes]) -> Tracer: ...
    def __call__(self, exchange: Exchange) -> None: ...

@final
class Closer:
    """An on_close hook that has `keep(exchange, trace, reason, ended)` called where the request is worth it.

    ours   slugs of the errors that are the gateway's or the upstreams'
    slow   seconds from which on a request is kept, 0.0 = never; a changed protocol takes as long as it takes
    """

    def __new__(
        cls, keep: Callable[[Exchange, Trace, str, float], None], ours: frozenset[str], slow: float
    ) -> Closer: ...
    def __call__(self, exchange: Exchange) -> None: ...

@final
class Watched:
    """An on_request hook of the step `name`; of a sampled request it is known when it did input or output."""

    def __new__(cls, name: str, hook: Callable[[Exchange], Response | None]) -> Watched: ...
    def __call__(self, exchange: Exchange) -> Response | None: ...

def waited(began: float) -> None:
    """Input or output that began at `began` (monotonic) has just ended: a sampled request takes note of it."""
