"""The part of `gateway explain` about callers: what a route asks of them, and who calls where no network is needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.auth.caller import Caller
    from gateway.auth.model import Provider
    from gateway.config.model import Document, Route

#: who calls, what they may do
STEPS = frozenset({"identity", "access"})


def runs_offline(document: Document, source: Route | None) -> frozenset[str]:
    """The steps that say here what they would say in service, but for what was revoked since."""
    if source is None or source.access is None:
        return STEPS
    used = (each for each in document.providers if each.name in source.access.use)
    return STEPS if all(_is_local(each) for each in used) else frozenset()


def _is_local(provider: Provider) -> bool:
    """Whether a provider needs neither a store nor an issuer to know a caller."""
    from gateway.auth.model import ApiKey, Jwt, Session

    method = provider.method
    if provider.on_store_failure == "deny" or isinstance(method, Session):
        return False
    if isinstance(method, Jwt):
        return method.jwks is None
    return not (isinstance(method, ApiKey) and method.is_stored)


def explain_auth(source: Route | None) -> dict[str, Any] | None:
    """What a route asks of its callers; None where anybody may call."""
    access = None if source is None else source.access
    if access is None:
        return None
    return {
        "where": access.where,
        "use": list(access.use),
        "scopes": list(access.scopes),
        "roles": list(access.roles),
        "claims": [{"claim": rule.claim, "kind": rule.kind, "values": list(rule.values)} for rule in access.claims],
        "optional": access.is_optional,
    }


def known(caller: Caller | None) -> dict[str, Any] | None:
    """Who calls, without the claims: they are the caller's own."""
    if caller is None:
        return None
    return {
        "provider": caller.provider,
        "subject": caller.subject,
        "scopes": sorted(caller.scopes),
        "roles": sorted(caller.roles),
    }


def in_words(report: dict[str, Any]) -> Iterator[str]:
    """Both, as lines for people."""
    auth, caller = report["auth"], report["caller"]
    if auth is not None:
        yield f"asks      any of {', '.join(auth['use'])}" + (", or nobody" if auth["optional"] else "")
        for kind, word in (("scopes", "and"), ("roles", "or")):
            if auth[kind]:
                yield f"          {kind} {f' {word} '.join(auth[kind])}"
        for rule in auth["claims"]:
            values = " or ".join(str(value) for value in rule["values"])
            yield f"          claim {rule['claim']} {'begins with' if rule['kind'] == 'prefix' else 'is'} {values}"
    if caller is not None:
        held = ", ".join(caller["scopes"]) or "none"
        roles = ", ".join(caller["roles"]) or "none"
        yield f"caller    {caller['subject']} by {caller['provider']}; scopes {held}; roles {roles}"
