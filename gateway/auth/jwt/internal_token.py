"""Short-lived tokens that tell the upstream who calls, signed by the gateway (RFC 7519)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from gateway.auth.caller import Caller
from gateway.http.template import claim_at

if TYPE_CHECKING:
    from gateway.auth.model import InternalToken


class Signs(Protocol):
    """What signs claims (gateway/auth/jwt/signing.py)."""

    def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """A token in compact form."""
        ...


class InternalTokens:
    """Signs for the callers of one provider. `told` are the claim paths that go into the token under their own names.

    A token is kept with its caller until half of its time is over.
    """

    __slots__ = ("_clock", "_paths", "_signer", "_spec")

    def __init__(
        self, spec: InternalToken, signer: Signs, told: tuple[str, ...] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._spec = spec
        self._signer = signer
        self._paths = tuple((path, tuple(path.split("."))) for path in told)
        self._clock = clock

    def field(self, caller: Caller) -> tuple[str, str]:
        """The header field with the token; a fresh one when the last has lived half its life."""
        now, kept = self._clock(), caller.signed
        # The second half of the test is for a clock that was set back: such a token would be from the future.
        if kept is not None and kept[1] - self._spec.ttl <= now < kept[1]:
            return kept[0]
        end = min(now + self._spec.ttl, caller.until)
        field = self._spec.header, self._signer.sign(self._claims(caller, int(now), max(int(end), int(now) + 1)), "JWT")
        caller.signed = field, now + (end - now) / 2
        return field

    def _claims(self, caller: Caller, now: int, end: int) -> dict[str, Any]:
        claims = {path: value for path, names in self._paths if (value := claim_at(caller.claims, names)) is not None}
        return {
            **claims,
            "iss": self._spec.issuer,
            "aud": self._spec.audience,
            "sub": caller.subject,
            "iat": now,
            "exp": end,
            "provider": caller.provider,
            "scope": " ".join(sorted(caller.scopes)),
            "roles": sorted(caller.roles),
        }
