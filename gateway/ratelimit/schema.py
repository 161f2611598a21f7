"""The sections about how often callers may call: `rate_limits`, and `rate_limit` of routes."""

from typing import Final

from gateway.config.schema_parts import (
    FIELD_NAME,
    NAME,
    REFERENCE,
    Schema,
    boolean,
    choice,
    either,
    integer,
    listing,
    one_or_more,
    quantity,
    section,
    text,
)

RATE: Final = r"^[1-9][0-9]{0,8}/(s|m|h|d)$"
MOST: Final = 1_000_000_000

_BY: Final = "by"
"""The one key of `plans` that is not the name of a plan."""


def root_sections() -> dict[str, Schema]:
    """The keys of a file that this module describes."""
    return {"rate_limits": listing("Limits for every request, those that match no route too.", _limit("name"))}


def sections() -> dict[str, Schema]:
    """The keys of a route."""
    limit = _limit()
    description = "How often the route may be called; all of these must allow."
    return {"rate_limit": either("a limit, or a list of limits", description, limit, listing(description, limit))}


def _limit(*required: str) -> Schema:
    part = text("a part of a key", "all, route, client, ip, claim:PATH, header:NAME or param:NAME.")
    keys = {
        "name": text("a name of letters, digits, `_`, `-` and `.`", "Its name; made of `per` when not written.", NAME),
        "per": one_or_more("Who shares one bucket; of several parts, each combination has its own.", part),
        **_rate(),
        "cost": _cost(),
        "plans": _plans(),
        "mode": choice("shadow counts and logs, and refuses nobody.", "enforce", "shadow", default="enforce"),
        "sync": choice("How hosts share it; on one host both are exact.", "exact", "leased", default="exact"),
        "on_store_failure": choice(
            "When the store is out of reach: hold it on this host, let all in, or refuse all.",
            *("local", "allow", "deny"),
            default="local",
        ),
        "penalty": _penalty(),
        "headers": section("What answers tell of it.", {"legacy": boolean("X-RateLimit-* as well.", False)}),
    }
    return section("A limit.", keys, (*required, "per", "rate"))


def _cost() -> Schema:
    header = text("a header name (RFC 9110 token)", "The response header that says what the request cost.", FIELD_NAME)
    keys = {
        "response_header": header,
        "default": integer("What is taken before, and all when the answer does not say.", 1, MOST, 1),
        "max": integer("The most that an answer may say; the burst when not written.", 1, MOST),
    }
    whole = integer("What one request takes.", 1, MOST, 1)
    said = section("A cost that the answer says.", keys, ("response_header",))
    return either("a whole number, or what says it", "What one request takes.", whole, said, default=1)


def _penalty() -> Schema:
    keys = {
        "after": integer("How many refusals.", 1, 1_000_000),
        "within": quantity("positive", "The time in which they count."),
        "block": quantity("positive", "How long nothing is let in then."),
    }
    return section("Who goes on calling while refused is blocked for a while.", keys, tuple(keys))


def _rate() -> dict[str, Schema]:
    rate = {
        "type": "string",
        "title": "a rate such as 100/s, 6000/m, 10/h or 1000/d (a whole number above zero)",
        "description": "How many in a second, minute, hour or day.",
        "pattern": f"{RATE}|{REFERENCE}",
        "x-kind": "rate",
    }
    burst = integer("How many at once; what a second of the rate admits when not written, at least 1.", 1, MOST)
    return {"rate": rate, "burst": burst}


def _plans() -> Schema:
    by = text("a claim such as claim:plan", "The claim (or the API key's metadata) that names the plan.")
    plan = section("What those of the plan may do.", _rate(), ("rate",))
    schema = section("Rates by plan; who has none of these has `rate`.", {_BY: by}, (_BY,))
    return {**schema, "additionalProperties": plan}
