"""Schemas of `roles`, and of `auth` of routes."""

from gateway.config.schema_parts import (
    NAME,
    Schema,
    boolean,
    either,
    listing,
    mapping,
    one_or_more,
    scalar,
    section,
    text,
)

_NAME = text("a name of letters, digits, `_`, `-` and `.`", "A name, unique over all files.", NAME)


def roles() -> dict[str, Schema]:
    """The keys of a file that this module describes."""
    role = {
        "inherits": listing("Roles whose scopes it has too, and as which it counts.", text("a role", "A role.")),
        "allow": scopes("Scopes that its holders have; `*` gives all."),
    }
    return {
        "roles": mapping("Roles and the scopes that they give, by name.", section("A role.", role), _NAME),
    }


def route_keys() -> dict[str, Schema]:
    """The keys of a route, and of `defaults`."""
    return {
        "auth": either(
            "a name under `auth`, `off`, or a mapping with `use`",
            "Who may call; everybody when not written. The short form names a way to know who calls.",
            text("a name under `auth`, or `off`", "A name under `auth`."),
            {"$ref": "#/definitions/access"},
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


def definitions() -> dict[str, Schema]:
    """What routes and `defaults` refer to."""
    return {"access": access()}
