"""Schemas of `cors`, and of its name on a route."""

from gateway.config.schema_parts import (
    FIELD_NAME,
    OBJECT_NAME,
    Schema,
    boolean,
    listing,
    mapping,
    quantity,
    section,
    text,
)


def sections() -> dict[str, Schema]:
    """The sections of a file that this module describes."""
    return {"cors": mapping("Who may call from pages of other origins, by name.", _cors(), OBJECT_NAME)}


def route_keys() -> dict[str, Schema]:
    """The keys of a route, and of `defaults`, that this module describes."""
    return {
        "cors": text(
            "a name under `cors`, or `off`", "Who may call from pages of other origins; nobody when not written."
        )
    }


def _cors() -> Schema:
    origin = text("an origin such as https://app.example.com", "Exact, https://*.example.com, * or re:REGEX.", r"^.+$")
    header = text("a header name (RFC 9110 token)", "A header name.", FIELD_NAME)
    keys = {
        "origins": listing("Whose pages may call; the whole origin must fit.", origin, least=1),
        "methods": listing("Methods; those of the route when not written.", text("a method", "A method."), least=1),
        "headers": listing("Request headers; those asked for when not written.", header, least=1),
        "expose": listing("Response headers that scripts may read.", header, least=1),
        "credentials": boolean("Allow cookies and the like.", False),
        "private_network": boolean("Allow pages of public sites to reach a gateway in a private network.", False),
        "max_age": quantity("duration", "How long browsers may remember what is allowed.", "10m"),
    }
    return section("Who may call from pages of other origins.", keys, ("origins",))
