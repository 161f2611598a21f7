from collections.abc import Callable
from typing import Any, final

from gateway.contracts import Plan
from gateway.exchange import Exchange

def new_id() -> str:
    """32 hex digits that nobody can guess, of 128 bits of the system's randomness."""

def is_plain(path: str) -> bool:
    """Whether a path is its own canonical form: begins with a slash, printable ASCII, nothing to decode or resolve."""

@final
class Ingress:
    """`ingress(plan, environ, started)` gives the exchange for one request, with its route, parameters and deadline.

    What matches nothing has a route too.  `environ` is a WSGI one (PEP 3333), `started` is monotonic seconds.
    """

    def __init__(
        self,
        start: Callable[[Exchange, dict[str, Any]], None],
        host_of: Callable[[str], str],
        is_trusted: Callable[[str, tuple[Any, ...]], bool],
        believe: Callable[[Exchange, tuple[Any, ...]], None],
        body: Callable[[Exchange, dict[str, Any]], None],
        find: Callable[[Exchange, Plan], None],
        hurry: Callable[[Exchange, dict[str, Any]], None],
    ) -> None: ...
    def __call__(self, plan: Plan, environ: dict[str, Any], started: float, /) -> Exchange: ...
