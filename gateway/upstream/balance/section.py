"""`balance` and `slow_start` of an upstream."""

import re
from math import inf

from gateway.config.diagnostics import did_you_mean
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.schema_parts import FIELD_NAME
from gateway.config.units import parse_share
from gateway.upstream.balance.model import Balance
from gateway.upstream.balance.schema import KEY_TITLE, KEYS

_NAMES = {
    "header": FIELD_NAME,
    "cookie": FIELD_NAME,
    "query": r"^[^\x00-\x1f\x7f]+$",
    "path": r"^(\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)$",
}


def read_balance(holder: OptionReader) -> Balance:
    """How the targets of an upstream are chosen."""
    slow_start = holder.duration("slow_start")
    if not isinstance(holder.raw("balance"), dict):
        return Balance(holder.text("balance"), slow_start=slow_start)
    reader = holder.section("balance")
    if "hash" not in reader:
        _check_sticky(reader)
        return Balance("sticky", slow_start=slow_start)
    if "sticky" in reader:
        reader.complain("`balance` has either `hash` or `sticky`, not both", key="sticky")
    if slow_start:
        holder.complain("`slow_start` has no effect beside `hash`: a key stays on its target", key="slow_start")
    return Balance("hash", *_key(reader.one("hash")), _headroom(reader))


def _check_sticky(reader: OptionReader) -> None:
    if "sticky" not in reader:
        if not set(reader) - {"headroom"}:  # the schema has complained about any other key
            reader.complain("`balance` says nothing", "it needs `hash` or `sticky`")
    elif "headroom" in reader:
        reader.complain("`headroom` has no effect without `hash`", key="headroom")


def _headroom(reader: OptionReader) -> float:
    try:
        return parse_share(reader.text("headroom"))
    except ValueError:  # not written, or the schema has complained
        return inf


def _key(text: ScalarNode | None) -> tuple[str, str]:
    """(kind, name) of what is hashed."""
    if text is None:
        return "ip", ""
    kind, colon, name = text.value.partition(":")
    if kind not in KEYS:
        text.complain(f"{text.shown} is not {KEY_TITLE}", did_you_mean(kind, KEYS))
    elif kind == "ip":
        if colon:
            text.complain(f"{text.shown} is not {KEY_TITLE}", "write `ip`")
    elif not name:
        text.complain(f"{text.shown} names no {kind}", f"write {kind}:{'{NAME}' if kind == 'path' else 'NAME'}")
    elif not re.search(_NAMES[kind], name):
        text.complain(f"{text.shown} names something that no {kind} can be called")
    return kind, name.strip("{}") if kind == "path" else name
