"""The sections about what callers may do: roles, cors, `auth`, `cors` and `ip` of routes; and the store."""

from typing import Final

from gateway.config.schema_parts import (
    FIELD_NAME,
    NAME,
    Schema,
    boolean,
    either,
    listing,
    mapping,
    one_or_more,
    quantity,
    scalar,
    section,
    text,
)

OFF: Final = "off"
"""What a route says that wants none of the defaults."""

_NAME = text("a name of letters, digits, `_`, `-` and `.`", "A name, unique over all files.", NAME)
_STORE = r"^rediss?(\+cluster|\+sentinel)?://[!-~]+$"


def store() -> Schema:
    """Where shared state is kept."""
    title = "`memory`, or an address that begins with redis://, rediss://, redis+cluster:// or redis+sentinel://"
    address = text(title, "The address of a Redis.", _STORE)
    where = either(title, "Where state shared by the workers is kept.", {"enum": ["memory"]}, address, default="memory")
    return {**where, "writeOnly": True}  # SECURITY: keeps the password of a misspelt address out of complaints


def root_sections() -> dict[str, Schema]:
    """The keys of a file that this module describes."""
    role = {
        "inherits": listing("Roles whose scopes it has too, and as which it counts.", text("a role", "A role.")),
        "allow": scopes("Scopes that its holders have; `*` gives all."),
    }
    return {
        "roles": mapping("Roles and the scopes that they give, by name.", section("A role.", role), _NAME),
        "cors": mapping("Who may call from pages of other origins, by name.", _cors(), _NAME),
    }


def sections() -> dict[str, Schema]:
    """The keys of a route, and of `defaults`."""
    return {
        "auth": either(
            "a name under `auth`, `off`, or a mapping with `use`",
            "Who may call; everybody when not written. The short form names a way to know who calls.",
            text("a name under `auth`, or `off`", "A name under `auth`."),
            {"$ref": "#/definitions/access"},
        ),
        "cors": text(
            "a name under `cors`, or `off`", "Who may call from pages of other origins; nobody when not written."
        ),
        "ip": either(
            "`off`, or a mapping with `allow` or `deny`",
            "Addresses that may call; all when not written.",
            {"enum": [OFF]},
            {"$ref": "#/definitions/ip"},
        ),
    }


def scopes(description: str) -> Schema:
    """A list of scopes."""
    scope = text("a scope without spaces (RFC 6749 section 3.3)", "A scope.", r"^[!\x23-\x5b\x5d-~]+$")
    return listing(description, scope)


def access() -> Schema:
    """`auth` of a route, written out."""
    value = scalar("What the claim must be; {param} is a parameter of the path.")
    prefix = {"prefix": text("a string", "How it must begin; {param} is a parameter of the path.")}
    rule = either(
        "a value, a list of values, or {prefix: ...}",
        "What the claim must be: this, one of these, or beginning with this.",
        value,
        listing("One of these.", value, least=1),
        section("How the claim must begin.", prefix, ("prefix",)),
    )
    claim = text("a claim such as tenant or realm_access.name", "A claim.", r"^[^\x00-\x20]+$")
    keys = {
        "use": one_or_more("Names under `auth`; any one of them suffices.", text("a name under `auth`", "A name.")),
        "scopes": scopes("All of these are needed."),
        "roles": listing("Any one of these is needed.", text("a role", "A role."), least=1),
        "claims": mapping("Each of these must hold.", rule, claim),
        "optional": boolean("Let callers in who show no credential at all, with nothing asked of them.", False),
    }
    return section("Who may call.", keys, ("use",))


def ip_rules() -> Schema:
    """`ip` of a route."""
    network = text("an address or a network such as 10.0.0.0/8", "An address or a network.")
    keys = {
        "allow": listing("Only these may call.", network, least=1),
        "deny": listing("These may not, whatever `allow` says.", network, least=1),
    }
    return section("Networks of clients, after `server.trusted_proxies`.", keys)


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
