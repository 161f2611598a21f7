"""`rate_limits`, and `rate_limit` of routes."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.config import units as values
from gateway.config.diagnostics import did_you_mean
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import Reading, RouteContext
from gateway.config.schema_parts import FIELD_NAME
from gateway.config.yaml import MappingNode
from gateway.ratelimit.model import FASTEST, LONGEST, NANOS, OnFailure, Penalty, Rate, RateLimit
from gateway.ratelimit.schema import MOST, RATE

_WORDS: Final = ("all", "route", "client", "ip")
_KINDS: Final = ("claim", "header", "param")
_EXAMPLES: Final = "all, route, client, ip, claim:tenant, header:X-Plan or param:id"
_CLAIM: Final = re.compile(r"[^\x00-\x20\x7f]+")
_FIELD: Final = re.compile(FIELD_NAME)
_ANY: Final = Rate(1, 1, MOST)


def read_rate_limits(readers: Iterable[OptionReader]) -> tuple[RateLimit, ...]:
    """The limits of all files that hold for every request."""
    found: dict[str, RateLimit] = {}
    for reader in readers:
        for section in reader.sections("rate_limits"):
            _keep(found, section, _limit(section, None, has_auth=True))
    return tuple(found.values())


def read_route_limits(holder: OptionReader, context: RouteContext) -> tuple[RateLimit, ...]:
    """The limits of a route whose path has `parameters`."""
    found: dict[str, RateLimit] = {}
    if holder.raw("rate_limit") == []:
        holder.complain("it says nothing", "write a limit, or leave it out", key="rate_limit")
    for section in _of_route(holder):
        _keep(found, section, _limit(section, context.parameters, has_auth=context.has_caller))
    return tuple(found.values())


def _of_route(holder: OptionReader) -> Iterator[OptionReader]:
    if isinstance(holder.raw("rate_limit"), MappingNode):
        yield holder.section("rate_limit")
    else:
        yield from holder.sections("rate_limit")


def _keep(found: dict[str, RateLimit], section: OptionReader, limit: RateLimit) -> None:
    if limit.name in found:
        hint = "" if "name" in section else "give it a `name`"
        message = f"there are two limits named {limit.name}, the first at {found[limit.name].where}"
        section.complain(message, hint, key="name" if "name" in section else "")
    found.setdefault(limit.name, limit)


def _limit(reader: OptionReader, parameters: frozenset[str] | None, *, has_auth: bool) -> RateLimit:
    """One limit; `parameters` None is one for every request."""
    per = _per(reader, parameters, has_auth)
    rate = _rate(reader)
    cost, header, most = _cost(reader, rate)
    _check_cost(reader, rate, cost)
    plan_claim, plans = _plans(reader, cost, has_auth) if isinstance(reader.raw("plans"), MappingNode) else ("", ())
    return RateLimit(
        name=reader.text("name") or re.sub(r"[^A-Za-z0-9_.-]", "-", "-".join(per)),
        per=per,
        rate=rate,
        cost=cost,
        is_shadow=reader.text("mode") == "shadow",
        plan_claim=plan_claim,
        plans=plans,
        legacy=reader.section("headers").flag("legacy"),
        where=reader.where,
        cost_header=header,
        cost_max=most,
        penalty=_penalty(reader),
        is_leased=reader.text("sync") == "leased",
        on_failure=_on_failure(reader),
    )


def _per(reader: OptionReader, parameters: frozenset[str] | None, has_auth: bool) -> tuple[str, ...]:
    """The parts of a key; header names in lower case."""
    found: dict[str, None] = {}
    texts = list(reader.texts("per"))
    for text in texts:
        kind, colon, name = text.value.partition(":")
        part = f"header:{name.lower()}" if kind == "header" else text.value
        if part in found:
            text.complain(f"{text.shown} is there twice")
        elif part == "all" and len(texts) > 1:
            text.complain("`all` makes no difference beside others")
        elif not colon or kind not in _KINDS:
            if part not in _WORDS:
                hint = did_you_mean(text.value, _WORDS) or f"it is one of {_EXAMPLES}"
                text.complain(f"{text.shown} is no part of a key", hint)
        else:
            _check_part(text, kind, name, parameters, has_auth)
        found[part] = None
    return tuple(found)


def _check_part(text: ScalarNode, kind: str, name: str, parameters: frozenset[str] | None, has_auth: bool) -> None:
    """Complain about a claim, a header or a parameter that cannot be there."""
    if kind == "claim":
        _check_claim(text, name, has_auth)
    elif kind == "header":
        if not _FIELD.fullmatch(name):
            text.complain(f"{text.shown} has no header name (RFC 9110 section 5.6.2)", "such as header:X-Plan")
    elif parameters is None:
        text.complain("a limit for every request knows no parameter of a path", "write it on the route")
    elif name not in parameters:
        text.complain(f"{text.shown} is no parameter of the path", did_you_mean(name, parameters))


def _check_claim(text: ScalarNode, name: str, has_auth: bool) -> None:
    if not _CLAIM.fullmatch(name):
        text.complain(f"{text.shown} has no name of a claim", "such as claim:tenant")
    elif not has_auth:
        text.complain("a claim cannot be known here", "the route has no `auth`")


def _rate(reader: OptionReader) -> Rate:
    """`rate` and `burst`; after a complaint of the schema, some rate."""
    text = reader.one("rate")
    if text is None or not re.fullmatch(RATE, text.value):
        return _ANY
    count, seconds = map(int, values.parse_rate(text.value))
    burst = reader.integer("burst") if "burst" in reader else 0
    rate = Rate(count, seconds, burst if burst > 0 else max(1, count // seconds))
    if count > FASTEST * seconds:
        text.complain(f"{text.shown} is more than {FASTEST:,} in a second", "leave the limit out")
    elif burst > 0 and rate.tolerance > LONGEST * NANOS:
        reader.complain("the burst takes more than a year to come back", key="burst")
    return rate


def _cost(reader: OptionReader, rate: Rate) -> tuple[int, str, int]:
    """(what a request takes, the header of the answer that says more in lower case, the most that it may say)."""
    if not isinstance(reader.raw("cost"), MappingNode):
        return reader.integer("cost"), "", 0
    said = reader.section("cost")
    cost = said.integer("default")
    most = said.integer("max") if "max" in said else max(cost, rate.burst)
    if most < cost:
        said.complain(f"the most that an answer may say is {most}, and {cost} is taken before", key="max")
    elif most * rate.interval > LONGEST * NANOS:
        said.complain(f"a cost of {most} takes more than a year to come back", key="max" if "max" in said else "")
    return cost, said.text("response_header").lower(), most


def _penalty(reader: OptionReader) -> Penalty | None:
    if not isinstance(reader.raw("penalty"), MappingNode):
        return None
    section = reader.section("penalty")
    if any(key not in section for key in ("after", "within", "block")):
        return None  # which the schema has complained of
    found = Penalty(section.integer("after"), section.duration("within"), section.duration("block"))
    for key, seconds in (("within", found.within), ("block", found.block)):
        if seconds > LONGEST:
            section.complain("it is more than a year", key=key)
    if reader.text("mode") == "shadow":
        section.complain("a limit in shadow mode refuses nobody", "leave it out, or write `mode: enforce`")
    return found


def _on_failure(reader: OptionReader) -> OnFailure:
    text = reader.text("on_store_failure")
    return "allow" if text == "allow" else "deny" if text == "deny" else "local"


def _check_cost(reader: OptionReader, rate: Rate, cost: int) -> None:
    if cost > rate.burst:
        key = "burst" if "burst" in reader else "rate"
        reader.complain(f"a request costs {cost}, and the burst is {rate.burst}: none would ever pass", key=key)


def _plans(holder: OptionReader, cost: int, has_auth: bool) -> tuple[str, tuple[tuple[str, Rate], ...]]:
    """(the claim that names the plan, the plans)."""
    reader = holder.section("plans")
    by = reader.one("by")
    claim = ""
    if by is not None:
        kind, _, claim = by.value.partition(":")
        if kind == "claim":
            _check_claim(by, claim, has_auth)
        else:
            by.complain(f"{by.shown} is no claim", "such as claim:plan; callers choose all else themselves")
    found = []
    for name in reader:
        if name != "by" and isinstance(reader.raw(name), MappingNode):
            plan = reader.section(name)
            rate = _rate(plan)
            _check_cost(plan, rate, cost)
            found.append((name, rate))
    if not found:
        reader.complain("there is no plan", "write one such as `gold: {rate: 1000/s}`")
    return claim, tuple(found)


def read(reading: Reading) -> dict[str, tuple[RateLimit, ...]]:
    """`rate_limits` of a configuration."""
    return {"rate_limits": read_rate_limits(reading.readers)}
