"""From the entries of `auth` to what identifies callers: one authenticator for each, and what it serves itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.auth.authenticate import REALM
from gateway.auth.caller import Authenticator, Caller, Http
from gateway.auth.claim_mapper import ClaimMapper
from gateway.auth.endpoint import Endpoint
from gateway.auth.model import ApiKey, Issuer, Jwt, Login, Mtls, Provider, Session
from gateway.config.model import Document
from gateway.errors import INVALID_TOKEN, NO_TARGET, STORE_UNAVAILABLE, GatewayError
from gateway.exchange import Exchange, Headers
from gateway.state import MemoryStore
from gateway.upstream.client import InternalClient, UpstreamClient
from gateway.upstream.compile import CompiledUpstream
from gateway.upstream.pool.registry import Pools

if TYPE_CHECKING:
    from gateway.auth.jwt.verify import Verifier
    from gateway.auth.revocation_list import RevocationList
    from gateway.auth.runtime import AuthRuntime


class AuthProviderCompiler:
    """The providers of one plan: `found` by name, `endpoints` (with their places) to be routed, `kept` to be ticked."""

    def __init__(
        self,
        document: Document,
        registry: AuthRuntime | None,
        services: Mapping[str, CompiledUpstream | None],
        complain: Callable[[str, str, str], None],
    ) -> None:
        self._document = document
        self._services = services
        self._registry = registry if registry is not None else offline()
        self.found: dict[str, Authenticator] = {}
        self.endpoints: tuple[tuple[str, Endpoint], ...] = ()
        self.kept: tuple[object, ...] = (self._registry.revoked, self._registry)
        for spec in document.providers:
            try:
                self.found[spec.name] = self._provider(spec)
            except (OSError, ValueError) as error:
                words = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
                complain(spec.where, f"auth.{spec.name}", words)

    def _provider(self, spec: Provider) -> Authenticator:
        """Raises OSError and ValueError for what cannot be used."""
        method = spec.method
        if isinstance(method, Jwt):
            return self._jwt(spec, method)
        if isinstance(method, Issuer):
            return self._issuer(spec, method)
        if isinstance(method, Session):
            return self._session(spec, method)
        if isinstance(method, ApiKey):
            return self._api_key(spec, method)
        return self._mtls(spec, method)

    def _enrich(self, spec: Provider) -> ClaimMapper:
        internal = spec.told.internal
        if internal is None:
            return ClaimMapper(spec, self._document.roles)
        from gateway.auth.jwt.internal_token import InternalTokens
        from gateway.auth.jwt.signing import Signer

        told = tuple(path for _, path in spec.told.forward)
        clock = self._registry.clock
        return ClaimMapper(spec, self._document.roles, InternalTokens(internal, Signer(internal, clock), told, clock))

    def _tokens(self, spec: Provider, method: Jwt, verifier: Verifier) -> Authenticator:
        from gateway.auth.jwt.authenticator import TokenAuthenticator

        registry = self._registry
        cache, clock = registry.cache(spec), registry.clock
        found = TokenAuthenticator(
            spec.name, method.sources, verifier, self._enrich(spec), cache, registry.revoked, clock
        )
        return self._strict(spec, found)

    def _strict(self, spec: Provider, found: Authenticator) -> Authenticator:
        return FailClosedAuthenticator(found, self._registry.revoked) if spec.on_store_failure == "deny" else found

    def _jwt(self, spec: Provider, method: Jwt) -> Authenticator:
        from gateway.auth.jwt.keys import StaticKeys, parse_keys, secret_key
        from gateway.auth.jwt.verify import Verifier

        clock = self._registry.clock
        if method.jwks is not None:
            remote = self._registry.keys(method.jwks)
            self.kept += (remote,)
            return self._tokens(spec, method, Verifier(method, remote, clock))
        found = [secret_key(method.secret)] if method.secret else []
        found += [key for name in method.keys for key in parse_keys(Path(name).read_bytes())]
        keys = StaticKeys(found)
        keys.check(method.algorithms)
        return self._tokens(spec, method, Verifier(method, keys, clock))

    def _issuer(self, spec: Provider, method: Issuer) -> Authenticator:
        from gateway.auth.issuer.endpoint import TokenIssuer, families_of, verified_as
        from gateway.auth.jwt.keys import StaticKeys, parse_keys
        from gateway.auth.jwt.signing import Signer
        from gateway.auth.jwt.verify import Verifier

        registry, tokens = self._registry, verified_as(method)
        signer = Signer(method, registry.clock)
        verifier = Verifier(tokens, StaticKeys(parse_keys(signer.jwks)), registry.clock)
        families = families_of(spec.name, method, registry.store, registry.revoked, registry.clock)
        http = self._through(method.login) if method.login else None
        issuer = TokenIssuer(
            spec.name, method, families, signer=signer, verify=verifier.verify, http=http, clock=registry.clock
        )
        self.endpoints += tuple((spec.where, each) for each in issuer.endpoints())
        return self._tokens(spec, tokens, verifier)

    def _session(self, spec: Provider, method: Session) -> Authenticator:
        from gateway.auth.oidc.password import PasswordLogin
        from gateway.auth.session.authenticator import SessionAuthenticator
        from gateway.auth.session.pages import SessionPages
        from gateway.auth.session.store import Sessions

        registry = self._registry
        sessions = Sessions(spec.name, method, registry.store, registry.clock)
        renewal = None
        if method.oidc is not None:
            from gateway.auth.oidc.pending_logins import PendingLogins
            from gateway.auth.session.refresh import TokenRefresher

            client = registry.client(method.oidc)
            self.kept += (client,)
            before = method.oidc.renew_before
            renewal = TokenRefresher(sessions, registry.store, client, renew_before=before, clock=registry.clock)
            logins = PendingLogins(spec.name, client, registry.store)
            pages = SessionPages(sessions, method, client=client, logins=logins)
        else:
            assert method.login is not None
            pages = SessionPages(sessions, method, password=PasswordLogin(method.login, self._through(method.login)))
        self.endpoints += tuple((spec.where, each) for each in pages.endpoints())
        return SessionAuthenticator(
            sessions,
            method,
            self._enrich(spec),
            renewal,
            registry.revoked,
            on_store_failure=spec.on_store_failure,
            clock=registry.clock,
        )

    def _api_key(self, spec: Provider, method: ApiKey) -> Authenticator:
        from gateway.auth.api_key.authenticator import ApiKeys, StoredApiKeys

        registry, enrich, stored = self._registry, self._enrich(spec), None
        if method.is_stored:
            on_failure = spec.on_store_failure
            stored = StoredApiKeys(
                spec.name, method, enrich, registry.stored_keys, on_failure=on_failure, clock=registry.clock
            )
        return self._strict(spec, Revocable(ApiKeys(spec.name, method, enrich, stored), registry.revoked))

    def _mtls(self, spec: Provider, method: Mtls) -> Authenticator:
        from gateway.auth.mtls.authenticator import CertificateAuthenticator

        found = CertificateAuthenticator(spec.name, method, self._enrich(spec), self._registry.clock)
        return self._strict(spec, Revocable(found, self._registry.revoked))

    def _through(self, login: Login) -> Http:
        """The upstream that checks passwords."""
        service = self._services.get(login.upstream)
        return UpstreamClient(service.fetch, service.total) if service is not None else UnavailableUpstream()


class Revocable:
    """A provider whose credentials say no more than a name: who has it can be shut out all the same."""

    __slots__ = ("_challenge", "_found", "_revoked", "name", "scheme")

    def __init__(self, found: Authenticator, revoked: RevocationList) -> None:
        self.name, self.scheme = found.name, found.scheme
        self._challenge = (("WWW-Authenticate", f'{found.scheme} realm="{REALM}"'),) if found.scheme else ()
        self._found = found
        self._revoked = revoked

    def identify(self, exchange: Exchange) -> Caller | None:
        """See Authenticator."""
        caller = self._found.identify(exchange)
        if caller is not None and self._revoked.is_revoked(self.name, {"sub": caller.subject}):
            raise GatewayError(INVALID_TOKEN, headers=self._challenge, cause="it was revoked")
        return caller


class FailClosedAuthenticator:
    """A provider with `on_store_failure: deny`: nobody is known while it cannot be told who was revoked."""

    __slots__ = ("_found", "_revoked", "name", "scheme")

    def __init__(self, found: Authenticator, revoked: RevocationList) -> None:
        self.name, self.scheme = found.name, found.scheme
        self._found = found
        self._revoked = revoked

    def identify(self, exchange: Exchange) -> Caller | None:
        """See Authenticator."""
        caller = self._found.identify(exchange)
        if caller is not None and self._revoked.is_stale:
            raise GatewayError(STORE_UNAVAILABLE, "Whether the credential was revoked cannot be found out now.")
        return caller


class UnavailableUpstream:
    """Http to an upstream that could not be built; there is a complaint about that already."""

    def request(
        self, method: str, url: str, *, headers: Headers | None = None, body: bytes = b"", timeout: float = 5.0
    ) -> tuple[int, Headers, bytes]:
        """See Http."""
        raise GatewayError(NO_TARGET)


def offline() -> AuthRuntime:
    """For plans that never serve (`check`, `explain`): a store and a network that nobody asks."""
    from gateway.auth.runtime import AuthRuntime

    return AuthRuntime(MemoryStore(Path("/dev/null")), InternalClient(Pools()))
