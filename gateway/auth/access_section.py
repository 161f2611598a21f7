"""`auth` of a route and of `defaults`: who may call."""

from collections.abc import Callable
from typing import Any

from gateway.auth.model import Access, ClaimRule
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import RouteContext
from gateway.config.schema_parts import OFF
from gateway.config.variables import Known, check_template
from gateway.config.yaml import SequenceNode
from gateway.http import template_parser as template


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
