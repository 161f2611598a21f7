"""What becomes of a trace context, the slow and obvious way (W3C Trace Context level 2, B3)."""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.exchange import Headers

PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
MEMBER = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")
B3 = ("b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags", "x-b3-parentspanid")
YES, NO = ("1", "d", "true"), ("0", "false")


class Context(NamedTuple):
    """`trace` is "" where a trace begins; `sampled` is None where the share decides."""

    trace: str
    parent: str
    sampled: bool | None
    is_random: bool
    state: Headers


def traceparent(value: str) -> tuple[str, str, int] | None:
    """(trace, span, flags) of a field that may be used."""
    found = PARENT.fullmatch(value)
    if not found or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    if not int(found[2], 16) or not int(found[3], 16):
        return None
    return found[2], found[3], int(found[4], 16)


def is_tracestate(values: list[str]) -> bool:
    members = [member.strip(" \t") for value in values for member in value.split(",")]
    members = [member for member in members if member]
    return len(members) <= 32 and all(MEMBER.fullmatch(member) for member in members)


def b3(fields: dict[str, str]) -> tuple[str, str, bool | None]:
    """(trace, span, sampled); "" where there is no trace."""
    if "b3" in fields:
        parts = fields["b3"].strip().split("-")
        trace, span, said = ("", "", parts[0]) if len(parts) == 1 else (parts[0], parts[1], "".join(parts[2:3]))
    else:
        trace, span = (fields.get(name, "").strip() for name in ("x-b3-traceid", "x-b3-spanid"))
        said = "d" if fields.get("x-b3-flags", "").strip() == "1" else fields.get("x-b3-sampled", "").strip().lower()
    sampled = True if said in YES else False if said in NO else None
    trace, span = trace.lower(), span.lower()
    trace = "0" * 16 + trace if len(trace) == 16 else trace
    good = re.fullmatch("[0-9a-f]{32}", trace) and re.fullmatch("[0-9a-f]{16}", span)
    if not good or not int(trace, 16) or not int(span, 16):
        return "", "", sampled
    return trace, span, sampled


def context(headers: Headers, reads_b3: bool) -> Context:
    parents = [value for name, value in headers if name.lower() == "traceparent"]
    state = [pair for pair in headers if pair[0].lower() == "tracestate"]
    found = traceparent(parents[0]) if len(parents) == 1 else None
    if found:
        trace, span, flags = found
        kept = state if is_tracestate([value for _, value in state]) else []
        return Context(trace, span, bool(flags & 1), bool(flags & 2), kept)
    fields = {name.lower(): value for name, value in headers if name.lower() in B3}
    if reads_b3 and fields:
        trace, span, sampled = b3(fields)
        return Context(trace, span, sampled, not trace, [])
    return Context("", "", None, True, [])


def others(headers: Headers, reads_b3: bool) -> Headers:
    """The fields that are none of ours, in their order."""
    ours = ("traceparent", "tracestate", *(B3 if reads_b3 else ()))
    return [pair for pair in headers if pair[0].lower() not in ours]
