"""Schema of `ip`."""

from gateway.config.schema_parts import OFF, Schema, either, listing, section, text


def route_keys() -> dict[str, Schema]:
    """The keys of a route, and of `defaults`, that this module describes."""
    return {
        "ip": either(
            "`off`, or a mapping with `allow` or `deny`",
            "Addresses that may call; all when not written.",
            {"enum": [OFF]},
            {"$ref": "#/definitions/ip"},
        )
    }


def definitions() -> dict[str, Schema]:
    """What routes and `defaults` refer to."""
    return {"ip": ip_rules()}


def ip_rules() -> Schema:
    """`ip` of a route."""
    network = text("an address or a network such as 10.0.0.0/8", "An address or a network.")
    keys = {
        "allow": listing("Only these may call.", network, least=1),
        "deny": listing("These may not, whatever `allow` says.", network, least=1),
    }
    return section("Networks of clients, after `server.trusted_proxies`.", keys)
