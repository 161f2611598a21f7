"""Makes a Caller of what a provider knows: scopes and roles from the claims and the configuration, headers to forward.

SECURITY: headers say the same to every reader: a control, and a blank at either end, become U+FFFD, lest two names
look alike; in a list the elements are joined by commas, and commas and percent signs in them percent-encoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gateway.auth.caller import Caller, Signer
from gateway.http.template import claim_at

if TYPE_CHECKING:
    from gateway.auth.model import Provider, Role

_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]|\A +| +\Z")
ALL = "*"
"""The scope that stands for all of them."""


class ClaimMapper:
    """What the configuration adds to the callers of one provider; `internal` signs for them to the upstream."""

    __slots__ = ("_forward", "_internal", "_name", "_path", "_roles", "epoch")

    def __init__(self, provider: Provider, roles: Sequence[Role], internal: Signer | None = None) -> None:
        self._name = provider.name
        self._path = _names(provider.told.roles)
        self._forward = tuple((header, _names(path)) for header, path in provider.told.forward)
        self._roles = MappingProxyType({role.name: role for role in roles})
        self._internal = internal
        #: another number where callers are made in another way, so that none is kept who was made otherwise
        self.epoch = hash((provider, tuple(roles), internal))

    def caller(
        self,
        subject: str,
        claims: Mapping[str, Any],
        *,
        until: float,
        scopes: Iterable[str] = (),
        roles: Iterable[str] = (),
    ) -> Caller:
        """The caller, with the scopes and roles given, those of the claims, and what these roles bring along."""
        held = {*roles, *_listed(claim_at(claims, self._path) if self._path else None)}
        found = [role for name in held if (role := self._roles.get(name)) is not None]
        # SECURITY: only the configuration can give everything; in a token "*" is no more than a word.
        told = (*_scopes(claims.get("scope")), *_scopes(claims.get("scp")))
        given = (scope for role in found for scope in role.allow)
        caller = Caller(
            self._name,
            subject,
            claims,
            scopes=frozenset((*scopes, *(scope for scope in told if scope != ALL), *given)),
            roles=frozenset(held.union(*(role.counts_as for role in found))),
            until=until,
            forward=self._headers(subject, claims),
        )
        caller.signer = self._internal
        return caller

    def _headers(self, subject: str, claims: Mapping[str, Any]) -> list[tuple[str, str]]:
        headers = []
        for name, path in self._forward:
            value = claim_at(claims, path)
            text = header_text(subject if value is None and path == ("sub",) else value)
            if text:
                headers.append((name, text))
        return headers


def header_text(value: Any) -> str:
    """A claim as the value of a header field, UTF-8 bytes as latin-1 text; "" for one that is not there."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        text = ",".join(_plain(each).replace("%", "%25").replace(",", "%2C") for each in value)
    else:
        text = _plain(value)
    text = _UNSENDABLE.sub("\ufffd", text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("latin-1")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _names(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _listed(value: Any) -> list[str]:
    """The texts of a claim that is one text or a list of them."""
    values = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return [each for each in values if isinstance(each, str) and each]


def _scopes(value: Any) -> list[str]:
    """The scopes of a claim: separated by blanks (RFC 8693 section 4.2) or a list."""
    return _listed(value.split(" ") if isinstance(value, str) else value)
