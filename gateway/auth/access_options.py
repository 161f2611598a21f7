"""Options of `auth` of routes, and of `roles`: what callers may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.auth.model import Access, ClaimRule, Role
from gateway.config import schema_parts as schemas
from gateway.config.nodes import SequenceNode
from gateway.config.options import texts_once
from gateway.config.schema_parts import NAME, OFF, Schema
from gateway.config.variables import Known, check_template
from gateway.http import template_parser as template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.config.reader import OptionReader, ScalarNode
    from gateway.config.reading import RouteContext

_NAME = schemas.text("a name of letters, digits, `_`, `-` and `.`", "A name, unique over all files.", NAME)


def roles() -> dict[str, Schema]:
    """The keys of a file that this module describes."""
    role = {
        "inherits": schemas.listing(
            "Roles whose scopes it has too, and as which it counts.", schemas.text("a role", "A role.")
        ),
        "allow": scopes("Scopes that its holders have; `*` gives all."),
    }
    return {
        "roles": schemas.mapping(
            "Roles and the scopes that they give, by name.", schemas.section("A role.", role), _NAME
        ),
    }


def route_keys() -> dict[str, Schema]:
    """The keys of a route, and of `defaults`."""
    return {
        "auth": schemas.either(
            "a name under `auth`, `off`, or a mapping with `use`",
            "Who may call; everybody when not written. The short form names a way to know who calls.",
            schemas.text("a name under `auth`, or `off`", "A name under `auth`."),
            {"$ref": "#/definitions/access"},
        ),
    }


def scopes(description: str) -> Schema:
    """A list of scopes."""
    scope = schemas.text("a scope without spaces (RFC 6749 section 3.3)", "A scope.", r"^[!\x23-\x5b\x5d-~]+$")
    return schemas.listing(description, scope)


def access() -> Schema:
    """`auth` of a route, written out."""
    value = schemas.scalar("What the claim must be; {param} is a parameter of the path.")
    prefix = {"prefix": schemas.text("a string", "How it must begin; {param} is a parameter of the path.")}
    rule = schemas.either(
        "a value, a list of values, or {prefix: ...}",
        "What the claim must be: this, one of these, or beginning with this.",
        value,
        schemas.listing("One of these.", value, least=1),
        schemas.section("How the claim must begin.", prefix, ("prefix",)),
    )
    claim = schemas.text("a claim such as tenant or realm_access.name", "A claim.", r"^[^\x00-\x20]+$")
    keys = {
        "use": schemas.one_or_more(
            "Names under `auth`; any one of them suffices.", schemas.text("a name under `auth`", "A name.")
        ),
        "scopes": scopes("All of these are needed."),
        "roles": schemas.listing("Any one of these is needed.", schemas.text("a role", "A role."), least=1),
        "claims": schemas.mapping("Each of these must hold.", rule, claim),
        "optional": schemas.boolean("Let callers in who show no credential at all, with nothing asked of them.", False),
    }
    return schemas.section("Who may call.", keys, ("use",))


def definitions() -> dict[str, Schema]:
    """What routes and `defaults` refer to."""
    return {"access": access()}


def read_access(holder: OptionReader, context: RouteContext) -> Access | None:
    """`auth` of a route; it wins over that in `defaults` as a whole."""
    if "auth" not in holder:
        if holder.is_wrong("auth"):  # it is misspelt: nobody is told that there is none
            return Access((), (), (), (), is_optional=False, where=holder.where)
        return context.defaults.get("access")
    name = holder.one("auth")
    if name is not None:
        if name.value == OFF:
            return None
        return Access((name.value,), (), (), (), is_optional=False, where=name.where)
    reader = holder.section("auth")
    asked = next((key for key in ("scopes", "roles", "claims") if key in reader), None)
    if asked is not None and reader.flag("optional"):
        reader.warn(f"`{asked}` is asked of callers who show a credential; who shows none gets in", key="optional")
    return Access(
        use=_once(reader, "use"),
        scopes=_once(reader, "scopes"),
        roles=_once(reader, "roles"),
        claims=_claims(reader, context.parameters) if "claims" in reader else (),
        is_optional=reader.flag("optional"),
        where=reader.where,
    )


def check_names(
    holder: OptionReader, check_provider: Callable[[ScalarNode], None], check_role: Callable[[ScalarNode], None]
) -> None:
    """Have every name in `auth` of a route looked up."""
    if "auth" not in holder:
        return
    name = holder.one("auth")
    if name is not None:
        if name.value != OFF:
            check_provider(name)
        return
    reader = holder.section("auth")
    for text in reader.texts("use"):
        check_provider(text)
    for text in reader.texts("roles"):
        check_role(text)


def _once(reader: OptionReader, key: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in reader.texts(key):
        if text.value in found:
            text.complain(f"{text.shown} is there twice")
        found[text.value] = None
    return tuple(found)


def _claims(holder: OptionReader, parameters: frozenset[str] | None) -> tuple[ClaimRule, ...]:
    reader, known = holder.section("claims"), Known(parameters, has_caller=True)
    return tuple(rule for claim in reader if (rule := _rule(reader, claim, known)) is not None)


def _rule(reader: OptionReader, claim: str, known: Known) -> ClaimRule | None:
    value = reader.raw(claim)
    if isinstance(value, dict):
        text = reader.section(claim).one("prefix")
        if text is None:
            return None
        _check_value(text, known)
        if _ends_with_variable(text.value):
            hint = "end it with text, such as the / that ends a name"
            text.complain("a prefix that ends with a parameter is one that callers could shorten", hint)
        return ClaimRule(claim, "prefix", (text.value,))
    for text in reader.texts(claim):
        _check_value(text, known)
    if isinstance(value, SequenceNode):
        return ClaimRule(claim, "one_of", tuple(item for item in value if _is_scalar(item)))
    return ClaimRule(claim, "equals", (value,)) if _is_scalar(value) else None


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _ends_with_variable(text: str) -> bool:
    pieces = template.parse(text)
    return bool(pieces) and isinstance(pieces[-1], template.Variable)


def _check_value(text: ScalarNode, known: Known) -> None:
    """SECURITY: what a claim is held against comes from the configuration and the path, never from query or header."""
    if not text.value:
        text.complain("the value is empty")
    if any(variable.kind != "param" for variable in template.variables(text.value)):
        text.complain("a claim may be compared with parameters of the path only", "callers choose all else themselves")
        return
    check_template(text, known)


def read_roles(sections: Mapping[str, OptionReader], check: Callable[[ScalarNode], None]) -> tuple[Role, ...]:
    """The roles of all files by name; `check` complains about a role that is not there."""
    heirs = {name: texts_once(reader, "inherits") for name, reader in sections.items()}
    for reader in sections.values():
        for text in reader.texts("inherits"):
            check(text)
    _check_circles(sections, heirs)
    scopes = {name: texts_once(reader, "allow") for name, reader in sections.items()}
    roles = []
    for name in sections:
        counts_as = tuple(_closure(name, heirs))
        allow = dict.fromkeys(scope for each in counts_as for scope in scopes.get(each, ()))
        roles.append(Role(name, counts_as, tuple(allow)))
    return tuple(roles)


def _closure(name: str, heirs: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """All that a role inherits, itself first, the nearest before the farther ones; each with whom it comes from."""
    found = {name: ""}
    waiting = [name]
    for each in waiting:
        for parent in heirs.get(each, ()):
            if parent not in found:
                found[parent] = each
                waiting.append(parent)
    return found


def _check_circles(sections: Mapping[str, OptionReader], heirs: Mapping[str, tuple[str, ...]]) -> None:
    """Complain once about each circle."""
    known: set[str] = set()
    for name, reader in sections.items():
        found = _closure(name, heirs)
        last = next((each for each in found if name in heirs.get(each, ())), None)
        if last is None or name in known:
            continue
        way = [name]
        while last:
            way.append(last)
            last = found[last]
        known.update(way)
        reader.complain(f"it inherits itself: {' -> '.join(reversed(way))}", key="inherits")
