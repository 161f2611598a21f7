"""The sections about how targets are chosen."""

from typing import Final

from gateway.config.schema_parts import LINE, REFERENCE, Schema, choice, either, quantity, section, text

WORDS: Final = ("p2c", "round_robin", "random", "least_requests")
KEYS: Final = ("header", "cookie", "query", "path", "ip")
KEY_TITLE: Final = "header:NAME, cookie:NAME, query:NAME, path:{NAME} or ip"


def sections() -> dict[str, Schema]:
    """The keys of an upstream that this module describes."""
    by_request = section(
        "Keeps what belongs together on one target; exactly one of `hash` and `sticky`.",
        {
            "hash": text(KEY_TITLE, "Requests with one value go to one target; those without, as with p2c.", LINE),
            "headroom": quantity("share", "How far above its share of the requests in flight a target may be loaded."),
            "sticky": choice("A cookie keeps each client on its target.", "cookie"),
        },
    )
    return {
        "balance": either(
            f"{', '.join(f'`{word}`' for word in WORDS)}, {{hash: …}} or {{sticky: cookie}}",
            "How a target is chosen; weights are respected. p2c takes the better of two by latency and load.",
            {"enum": list(WORDS)},
            {"type": "string", "pattern": REFERENCE},
            by_request,
            default="p2c",
        ),
        "slow_start": quantity("duration", "How long a returning target grows from 10% to all of its weight.", "0s"),
    }
