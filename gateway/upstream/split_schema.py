"""The sections about where else a route's requests go: split and mirror."""

from gateway.config.schema_parts import FIELD_NAME, Schema, choice, either, integer, listing, quantity, section, text


def sections() -> dict[str, Schema]:
    """The keys of a route that this module describes."""
    upstream = text("an upstream's name", "The upstream.")
    leg = section(
        "One way to go.",
        {
            "upstream": upstream,
            "weight": integer("Its share of the requests beside the others; 0 for none.", 0, 65535, 1),
            "headers": {"$ref": "#/definitions/headers"},
        },
        ("upstream",),
    )
    legs = listing("The ways to go.", leg, least=1)
    chosen = {
        "legs": legs,
        "sticky": choice("A cookie keeps each client on its side.", "cookie"),
        "override": text("a header name (RFC 9110 token)", "A header that names the upstream to take.", FIELD_NAME),
    }
    mirror = {
        "upstream": upstream,
        "share": quantity("share", "The share of the requests that is copied.", "100%"),
    }
    return {
        "split": either(
            "a list of {upstream, weight}, or a mapping with `legs`",
            "Shares the requests out among upstreams by weight.",
            legs,
            section("The ways to go, and what else decides.", chosen, ("legs",)),
        ),
        "mirror": section("Sends copies to a second upstream, whose answers are dropped.", mirror, ("upstream",)),
    }
