"""Options of balancing: `balance` and `slow_start` of an upstream."""

from __future__ import annotations

import re
from math import inf
from typing import TYPE_CHECKING, Final

from gateway.config.diagnostics import did_you_mean
from gateway.config.options import Options, Schema
from gateway.config.schema_parts import FIELD_NAME, LINE, REFERENCE, choice, either, quantity, section, text
from gateway.config.units import parse_share

if TYPE_CHECKING:
    from gateway.config.reader import OptionReader
    from gateway.config.text import ScalarNode

WORDS: Final = ("p2c", "round_robin", "random", "least_requests")
KEY_TITLE: Final = "header:NAME, cookie:NAME, query:NAME, path:{NAME} or ip"
_NAMES: Final = {
    "header": FIELD_NAME,
    "cookie": FIELD_NAME,
    "query": r"^[^\x00-\x1f\x7f]+$",
    "path": r"^(\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)$",
    "ip": "",
}


class Balance(Options, frozen=True):
    """`kind` is round_robin, random, least_requests, p2c, hash or sticky.

    For hash, `key` is header, cookie, query, path or ip, `name` whose, and `headroom` the share above the mean that a
    target may be loaded with (inf: any). `slow_start` is in seconds, 0 for none.
    """

    kind: str = "p2c"
    key: str = ""
    name: str = ""
    headroom: float = inf
    slow_start: float = 0.0


def upstream_keys() -> dict[str, Schema]:
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


def read_balance(holder: OptionReader) -> Balance:
    """How the targets of an upstream are chosen."""
    slow_start = holder.duration("slow_start")
    if not isinstance(holder.raw("balance"), dict):
        return Balance(holder.text("balance"), slow_start=slow_start)
    reader = holder.section("balance")
    if "hash" not in reader:
        if "sticky" not in reader:
            if not set(reader) - {"headroom"}:  # the schema has complained about any other key
                reader.complain("`balance` says nothing", "it needs `hash` or `sticky`")
        elif "headroom" in reader:
            reader.complain("`headroom` has no effect without `hash`", key="headroom")
        return Balance("sticky", slow_start=slow_start)
    if "sticky" in reader:
        reader.complain("`balance` has either `hash` or `sticky`, not both", key="sticky")
    if slow_start:
        holder.complain("`slow_start` has no effect beside `hash`: a key stays on its target", key="slow_start")
    try:
        headroom = parse_share(reader.text("headroom"))
    except ValueError:  # not written, or the schema has complained
        headroom = inf
    return Balance("hash", *_key(reader.one("hash")), headroom)


def _key(text: ScalarNode | None) -> tuple[str, str]:
    """(kind, name) of what is hashed."""
    if text is None:
        return "ip", ""
    kind, colon, name = text.value.partition(":")
    if kind not in _NAMES:
        text.complain(f"{text.shown} is not {KEY_TITLE}", did_you_mean(kind, _NAMES))
    elif kind == "ip":
        if colon:
            text.complain(f"{text.shown} is not {KEY_TITLE}", "write `ip`")
    elif not name:
        text.complain(f"{text.shown} names no {kind}", f"write {kind}:{'{NAME}' if kind == 'path' else 'NAME'}")
    elif not re.search(_NAMES[kind], name):
        text.complain(f"{text.shown} names something that no {kind} can be called")
    return kind, name.strip("{}") if kind == "path" else name
