"""From `auth`, `roles`, `cors` and `ip` of a Document to steps: the part of `compile` that knows who may call.

What a provider needs (jwt, cryptography, oauthlib) is imported when a plan has one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from gateway.auth import authenticate as identity
from gateway.auth.endpoint import Endpoint
from gateway.auth.model import (
    Access,
    Credential,
    Mtls,
    Provider,
    Session,
)
from gateway.auth.providers import AuthProviderCompiler
from gateway.auth.strip_credentials import strip_credentials
from gateway.contracts import Step, Tools
from gateway.policies.cors import policy as cors
from gateway.policies.ip import policy as ip
from gateway.routing.model import Document, Match, Route
from gateway.upstream.compile import CompiledUpstream

if TYPE_CHECKING:
    from gateway.auth.runtime import AuthRuntime

#: begins the names of the routes that providers serve themselves: no name in a file has a colon
_OWN = "auth:"
#: by which proxies tell of a client's certificate (RFC 9440, habits): where certificates count, TLS alone is believed
OF_CERTIFICATES = (
    *("Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X-SSL-Client-Cert", "X-SSL-Client-Verify"),
    *("X-SSL-Client-S-DN", "X-SSL-Cert"),
)
#: called with (where, path, message)
Complain = Callable[[str, str, str], None]


class Identity:
    """Who may call, for one plan. `endpoints` are what providers serve themselves, `kept` what looks after itself."""

    def __init__(
        self,
        document: Document,
        registry: AuthRuntime | None,
        services: Mapping[str, CompiledUpstream | None],
        complain: Complain,
    ) -> None:
        self._document = document
        self._complain = complain
        self._complaints: set[tuple[str, str, str]] = set()
        self._providers = AuthProviderCompiler(document, registry, services, complain) if document.providers else None
        self._cors = {each.name: each for each in document.cors}
        self._told = _forwarded_names(document)
        sessions = tuple(each for each in document.providers if isinstance(each.method, Session))
        self._session: Step | None = None
        if sessions:
            from gateway.auth.session import policy as session

            self._session = Step("session", sessions[0].where, session.compile(sessions, _tools("session")))

    @property
    def endpoints(self) -> tuple[tuple[Route, Endpoint], ...]:
        """What providers serve themselves on `bind`, each with the route that it is."""
        found = self._providers.endpoints if self._providers else ()
        return tuple((self._route_of(where, each), each) for where, each in found)

    @property
    def kept(self) -> tuple[object, ...]:
        """What looks after itself while the plan serves: remote keys and what was revoked."""
        return self._providers.kept if self._providers else ()

    def steps(self, route: Route) -> Iterator[Step]:
        """The steps of a route."""
        yield from self.edge(route.cors, route.match.methods, route.name)
        if route.ip is not None:
            with self._complaining(route.ip.where, f"routes.{route.name}.ip"):
                yield Step("ip", route.ip.where, ip.compile(route.ip, _tools(route.name)))
        if route.access is not None:
            yield from self._access(route.access, route)
        elif self._told:
            yield Step("identity", route.where, identity.only_strip(self._told))
        if self._session is not None and not route.name.startswith(_OWN):  # which set the cookies
            yield self._session

    def edge(self, name: str | None, methods: tuple[str, ...], route: str) -> Iterator[Step]:
        """The step for pages of other origins, where there is one."""
        spec = self._cors.get(name or "")
        if spec is not None:
            with self._complaining(spec.where, f"cors.{spec.name}"):
                yield Step("cors", spec.where, cors.compile(spec, methods, _tools(route)))

    def _route_of(self, where: str, endpoint: Endpoint) -> Route:
        defaults = self._document.defaults
        return Route(
            name=_OWN + endpoint.name,
            match=Match(endpoint.path, endpoint.methods, (), (), ()),
            upstream=None,
            split=None,
            mirror=None,
            respond=None,
            rewrite=None,
            timeout=None,
            headers=defaults.headers,
            policies=(),
            access=None,
            cors=defaults.cors,
            ip=defaults.ip,
            priority=0,
            where=where,
        )

    def _access(self, access: Access, route: Route) -> Iterator[Step]:
        assert self._providers is not None
        used = [each for each in self._document.providers if each.name in access.use]
        found = [self._providers.found[name] for name in access.use if name in self._providers.found]
        sessions = [each.method for each in used if isinstance(each.method, Session)]
        made = identity.compile(
            found,
            self._told,
            is_optional=access.is_optional,
            redirect=_redirect(sessions) if any(each.oidc for each in sessions) else None,
            hide=strip_credentials(_hidden(self._document, access)),
        )
        yield Step("identity", access.where, made)
        if access.scopes or access.roles or access.claims:
            from gateway.auth import authorize as policy
            from gateway.auth.access_rules import compile_rule

            with self._complaining(access.where, f"routes.{route.name}.auth.claims"):
                yield Step("access", access.where, policy.compile(compile_rule(access)))

    @contextmanager
    def _complaining(self, where: str, path: str) -> Iterator[None]:
        """What cannot be compiled is told once, however many routes have it."""
        try:
            yield
        except ValueError as error:
            told = where, path, str(error)
            if told not in self._complaints:
                self._complaints.add(told)
                self._complain(*told)


def _redirect(sessions: list[Session]) -> identity.Redirect:
    from gateway.auth.session.return_to import login_redirect

    specs = tuple(sessions)
    return lambda exchange: login_redirect(exchange, specs)


def _forwarded_names(document: Document) -> tuple[str, ...]:
    """The headers by which upstreams are told of callers, by any provider."""
    names = [name for each in document.providers for name, _ in each.told.forward]
    names += [each.told.internal.header for each in document.providers if each.told.internal is not None]
    if any(isinstance(each.method, Mtls) for each in document.providers):
        names += OF_CERTIFICATES
    return tuple(dict.fromkeys(names))


def _hidden(document: Document, access: Access) -> Iterator[Credential]:
    """The credentials of a route that its upstream is not to have."""
    for provider in document.providers:
        if provider.name in access.use and not provider.told.pass_credential:
            yield from credentials_of(provider)


def credentials_of(provider: Provider) -> Iterator[Credential]:
    """Where the credentials of a provider may stand, but for its own cookies."""
    method = provider.method
    yield from getattr(method, "sources", ())
    yield from (method.source,) if hasattr(method, "source") else ()


def _tools(route: str) -> Tools:
    return Tools(route, monotonic, lambda message: None)
