"""server-timing: where the time went until the head of the answer, told to the client (W3C Server Timing)."""

from __future__ import annotations

from time import monotonic

from gateway.contracts import Steps
from gateway.exchange import Exchange, Response


def compile() -> Steps:
    """The step, the same for all routes. The upstream's own metrics stay as they are."""
    return Steps(on_response=_tell)


def _tell(exchange: Exchange, response: Response) -> None:
    """Durations are milliseconds; a body that streams is not in them, for its head goes out before it."""
    upstream = exchange.upstream_time
    gateway = max(0.0, monotonic() - exchange.started - upstream)
    said = f"gateway;dur={gateway * 1000:.3f}"
    if exchange.attempts:
        said += f", upstream;dur={upstream * 1000:.3f}"
    for name, value in reversed(response.headers):
        if value.startswith("gateway;") and name.lower() == "cache-status":
            said += f', cache;desc="{_word(value)}"'
            break
    response.headers.append(("Server-Timing", said))


def _word(status: str) -> str:
    """Of what the cache says (RFC 9211): "hit", or why it asked the upstream."""
    for part in status.split(";")[1:]:
        key, _, value = part.strip().partition("=")
        if key == "hit":
            return "hit"
        if key == "fwd":
            return value
    return "none"
