"""Options of `rate_limits`, and of `rate_limit` of routes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from gateway.config import schema_parts as schemas
from gateway.config import units as values
from gateway.config.diagnostics import did_you_mean
from gateway.config.options import Options
from gateway.config.schema_parts import FIELD_NAME, NAME, REFERENCE, Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.reading import Reading, RouteContext

FASTEST: Final = 1_000_000
"""Requests a second; above, the steps of the clock would be a noticeable share of the time between two requests."""

LONGEST: Final = 366 * 86400
"""Seconds in which a whole burst has to come back."""

NANOS: Final = 10**9

OnFailure = Literal["local", "allow", "deny"]

_CALLER: Final = ("client", "claim:")


class Rate(Options, frozen=True):
    """`count` requests in `seconds`, and at most `burst` at once."""

    count: int
    seconds: int
    burst: int

    @property
    def interval(self) -> int:
        """Nanoseconds between two requests; rounded up, so that the rate is never exceeded."""
        return -(-self.seconds * NANOS // self.count)

    @property
    def tolerance(self) -> int:
        """Nanoseconds in which a whole burst comes back."""
        return self.burst * self.interval


class Penalty(Options, frozen=True):
    """A key that was refused `after` times within `within` is blocked for `block` (seconds)."""

    after: int
    within: float
    block: float


class RateLimit(Options, frozen=True):
    """One limit. `per` are the parts of its key: all, route, client, ip, claim:PATH, header:NAME or param:NAME.

    `plans` are the rates of those whose claim `plan_claim` (a path, "" = none) is the name; all others have `rate`.
    `legacy` says whether answers carry X-RateLimit-* as well.  `cost` is taken before; where `cost_header` (lower case,
    "" = none) of the answer is a number, so much is what the request cost, at most `cost_max`.
    `is_leased` and `on_failure` are about a store that hosts share.
    """

    name: str
    per: tuple[str, ...]
    rate: Rate
    cost: int
    is_shadow: bool
    plan_claim: str
    plans: tuple[tuple[str, Rate], ...]
    legacy: bool
    where: str
    cost_header: str = ""
    cost_max: int = 0
    penalty: Penalty | None = None
    is_leased: bool = False
    on_failure: OnFailure = "local"

    @property
    def needs_caller(self) -> bool:
        """Whether it can only be looked at once it is known who calls."""
        return bool(self.plan_claim) or any(part.startswith(_CALLER) for part in self.per)


RATE: Final = r"^[1-9][0-9]{0,8}/(s|m|h|d)$"
MOST: Final = 1_000_000_000

_BY: Final = "by"
"""The one key of `plans` that is not the name of a plan."""


def sections() -> dict[str, Schema]:
    """The keys of a file that this module describes."""
    return {"rate_limits": schemas.listing("Limits for every request, those that match no route too.", _limit("name"))}


def route_keys() -> dict[str, Schema]:
    """The keys of a route."""
    limit = _limit()
    description = "How often the route may be called; all of these must allow."
    return {
        "rate_limit": schemas.either(
            "a limit, or a list of limits", description, limit, schemas.listing(description, limit)
        )
    }


def _limit(*required: str) -> Schema:
    part = schemas.text("a part of a key", "all, route, client, ip, claim:PATH, header:NAME or param:NAME.")
    keys = {
        "name": schemas.text(
            "a name of letters, digits, `_`, `-` and `.`", "Its name; made of `per` when not written.", NAME
        ),
        "per": schemas.one_or_more("Who shares one bucket; of several parts, each combination has its own.", part),
        **_rate(),
        "cost": _cost(),
        "plans": _plans(),
        "mode": schemas.choice("shadow counts and logs, and refuses nobody.", "enforce", "shadow", default="enforce"),
        "sync": schemas.choice("How hosts share it; on one host both are exact.", "exact", "leased", default="exact"),
        "on_store_failure": schemas.choice(
            "When the store is out of reach: hold it on this host, let all in, or refuse all.",
            *("local", "allow", "deny"),
            default="local",
        ),
        "penalty": _penalty(),
        "headers": schemas.section(
            "What answers tell of it.", {"legacy": schemas.boolean("X-RateLimit-* as well.", False)}
        ),
    }
    return schemas.section("A limit.", keys, (*required, "per", "rate"))


def _cost() -> Schema:
    header = schemas.text(
        "a header name (RFC 9110 token)", "The response header that says what the request cost.", FIELD_NAME
    )
    keys = {
        "response_header": header,
        "default": schemas.integer("What is taken before, and all when the answer does not say.", 1, MOST, 1),
        "max": schemas.integer("The most that an answer may say; the burst when not written.", 1, MOST),
    }
    whole = schemas.integer("What one request takes.", 1, MOST, 1)
    said = schemas.section("A cost that the answer says.", keys, ("response_header",))
    return schemas.either("a whole number, or what says it", "What one request takes.", whole, said, default=1)


def _penalty() -> Schema:
    keys = {
        "after": schemas.integer("How many refusals.", 1, 1_000_000),
        "within": schemas.quantity("positive", "The time in which they count."),
        "block": schemas.quantity("positive", "How long nothing is let in then."),
    }
    return schemas.section("Who goes on calling while refused is blocked for a while.", keys, tuple(keys))


def _rate() -> dict[str, Schema]:
    rate = {
        "type": "string",
        "title": "a rate such as 100/s, 6000/m, 10/h or 1000/d (a whole number above zero)",
        "description": "How many in a second, minute, hour or day.",
        "pattern": f"{RATE}|{REFERENCE}",
        "x-kind": "rate",
    }
    burst = schemas.integer("How many at once; what a second of the rate admits when not written, at least 1.", 1, MOST)
    return {"rate": rate, "burst": burst}


def _plans() -> Schema:
    by = schemas.text("a claim such as claim:plan", "The claim (or the API key's metadata) that names the plan.")
    plan = schemas.section("What those of the plan may do.", _rate(), ("rate",))
    schema = schemas.section("Rates by plan; who has none of these has `rate`.", {_BY: by}, (_BY,))
    return {**schema, "additionalProperties": plan}


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
            _keep(found, section, _limit_reader(section, None, has_auth=True))
    return tuple(found.values())


def read_route_limits(holder: OptionReader, context: RouteContext) -> tuple[RateLimit, ...]:
    """The limits of a route whose path has `parameters`."""
    found: dict[str, RateLimit] = {}
    if holder.raw("rate_limit") == []:
        holder.complain("it says nothing", "write a limit, or leave it out", key="rate_limit")
    for section in _of_route(holder):
        _keep(found, section, _limit_reader(section, context.parameters, has_auth=context.has_caller))
    return tuple(found.values())


def _of_route(holder: OptionReader) -> Iterator[OptionReader]:
    if isinstance(holder.raw("rate_limit"), dict):
        yield holder.section("rate_limit")
    else:
        yield from holder.sections("rate_limit")


def _keep(found: dict[str, RateLimit], section: OptionReader, limit: RateLimit) -> None:
    if limit.name in found:
        hint = "" if "name" in section else "give it a `name`"
        message = f"there are two limits named {limit.name}, the first at {found[limit.name].where}"
        section.complain(message, hint, key="name" if "name" in section else "")
    found.setdefault(limit.name, limit)


def _limit_reader(reader: OptionReader, parameters: frozenset[str] | None, *, has_auth: bool) -> RateLimit:
    """One limit; `parameters` None is one for every request."""
    per = _per(reader, parameters, has_auth)
    rate = _rate_reader(reader)
    cost, header, most = _cost_reader(reader, rate)
    _check_cost(reader, rate, cost)
    plan_claim, plans = _plans_reader(reader, cost, has_auth) if isinstance(reader.raw("plans"), dict) else ("", ())
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
        penalty=_penalty_reader(reader),
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


def _rate_reader(reader: OptionReader) -> Rate:
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


def _cost_reader(reader: OptionReader, rate: Rate) -> tuple[int, str, int]:
    """(what a request takes, the header of the answer that says more in lower case, the most that it may say)."""
    if not isinstance(reader.raw("cost"), dict):
        return reader.integer("cost"), "", 0
    said = reader.section("cost")
    cost = said.integer("default")
    most = said.integer("max") if "max" in said else max(cost, rate.burst)
    if most < cost:
        said.complain(f"the most that an answer may say is {most}, and {cost} is taken before", key="max")
    elif most * rate.interval > LONGEST * NANOS:
        said.complain(f"a cost of {most} takes more than a year to come back", key="max" if "max" in said else "")
    return cost, said.text("response_header").lower(), most


def _penalty_reader(reader: OptionReader) -> Penalty | None:
    if not isinstance(reader.raw("penalty"), dict):
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


def _plans_reader(holder: OptionReader, cost: int, has_auth: bool) -> tuple[str, tuple[tuple[str, Rate], ...]]:
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
        if name != "by" and isinstance(reader.raw(name), dict):
            plan = reader.section(name)
            rate = _rate_reader(plan)
            _check_cost(plan, rate, cost)
            found.append((name, rate))
    if not found:
        reader.complain("there is no plan", "write one such as `gold: {rate: 1000/s}`")
    return claim, tuple(found)


def read(reading: Reading) -> dict[str, tuple[RateLimit, ...]]:
    """`rate_limits` of a configuration."""
    return {"rate_limits": read_rate_limits(reading.readers)}
