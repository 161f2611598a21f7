"""Compilation of `auth` and `roles`: steps of routes, and routes of providers.

What a provider needs (jwt, cryptography, oauthlib) is imported when a plan has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

from gateway.auth import authenticate as identity
from gateway.auth.endpoint import Endpoint
from gateway.auth.model import Access, Credential, Mtls, Session
from gateway.auth.providers import AuthProviderCompiler
from gateway.auth.strip_credentials import strip_credentials
from gateway.config.compiling import NO_UPSTREAM_TOTAL, CompileContext, Compiler, Handled, ReportedOnce
from gateway.config.model import Document, Match, Route
from gateway.contracts import Fetch, Step, Tools

#: begins the names of the routes that providers serve themselves: no name in a file has a colon
_OWN = "auth:"
#: by which proxies tell of a client's certificate (RFC 9440, habits): where certificates count, TLS alone is believed
OF_CERTIFICATES = (
    *("Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X-SSL-Client-Cert", "X-SSL-Client-Verify"),
    *("X-SSL-Client-S-DN", "X-SSL-Cert"),
)


class AuthCompiler(Compiler):
    """Makes the steps of who may call, and the routes that providers serve themselves."""

    def __init__(self, context: CompileContext) -> None:
        document = context.document
        self._document = document
        self._reporting = ReportedOnce(context.report)
        upstreams = context.compilers["upstream"].upstreams
        registry = context.resources.registry
        self._providers = (
            AuthProviderCompiler(document, registry, upstreams, context.report) if document.providers else None
        )
        self._told = _forwarded_names(document)
        sessions = tuple(each for each in document.providers if isinstance(each.method, Session))
        self._session: Step | None = None
        if sessions:
            from gateway.auth.session import policy as session

            self._session = Step("session", sessions[0].where, session.compile(sessions, _tools("session")))
        #: what answers the routes of providers, by name
        self._pages: dict[str, Fetch] = {}

    def own_routes(self) -> list[Route]:
        """What providers serve themselves on `bind`."""
        found = self._providers.endpoints if self._providers else ()
        self._pages = {_OWN + endpoint.name: endpoint.fetch for _, endpoint in found}
        return [self._route_of(where, endpoint) for where, endpoint in found]

    def handle(self, route: Route) -> Handled | None:
        """What answers a route of a provider."""
        fetch = self._pages.get(route.name)
        return None if fetch is None else Handled(fetch, NO_UPSTREAM_TOTAL, "auth")

    @property
    def kept(self) -> tuple[object, ...]:
        """Remote keys and what was revoked."""
        return self._providers.kept if self._providers else ()

    def steps(self, route: Route) -> Iterator[Step]:
        """The steps of a route."""
        if route.access is not None:
            yield from self._access(route.access, route)
        elif self._told:
            yield Step("identity", route.where, identity.only_strip(self._told))
        if self._session is not None and not route.name.startswith(_OWN):  # which set the cookies
            yield self._session

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

            with self._reporting(access.where, f"routes.{route.name}.auth.claims"):
                yield Step("access", access.where, policy.compile(compile_rule(access)))


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
            yield from provider.credentials()


def _tools(route: str) -> Tools:
    return Tools(route, monotonic, lambda message: None)
