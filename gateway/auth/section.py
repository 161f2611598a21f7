"""`auth`, `roles` and `cors`: who calls and what they may do, of all files together, and their names on routes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.auth.access_schema import OFF
from gateway.auth.access_section import check_names
from gateway.auth.api_key.section import read_api_key, read_mtls
from gateway.auth.jwt.section import read_internal_token, read_issuer, read_jwt
from gateway.auth.model import (
    Cors,
    ForwardedIdentity,
    Method,
    Provider,
    Role,
    Session,
)
from gateway.auth.roles_section import read_roles
from gateway.auth.schema import METHODS
from gateway.auth.session.section import Page, read_session, session_paths
from gateway.config.header_edits import check_header_name
from gateway.config.hosts import is_loopback
from gateway.config.name_registry import NameRegistry
from gateway.config.reader import OptionReader, ScalarNode
from gateway.policies.cors.section import read_cors
from gateway.routing.model import Server
from gateway.upstream.model import Upstream

_READ: Final[Mapping[str, Callable[[OptionReader], Method]]] = {
    "jwt": read_jwt,
    "api_key": read_api_key,
    "session": read_session,
    "issuer": read_issuer,
    "mtls": read_mtls,
}


@dataclass(slots=True)
class Identity:
    """The sections of all files, and the names in them."""

    names: Mapping[str, NameRegistry]
    providers: dict[str, Provider] = field(default_factory=dict)
    roles: tuple[Role, ...] = ()
    cors: dict[str, Cors] = field(default_factory=dict)
    methods: list[OptionReader] = field(default_factory=list)

    def check_names(self, holder: OptionReader) -> None:
        """Complain about names on a route, or in `defaults`, that are not there."""
        check_names(holder, self._check_provider, self.check_role)
        name = holder.one("cors")
        if name is not None and name.value != OFF:
            self.names["cors"].check(name, "there is no {} under `cors`")

    def pages(self) -> Iterator[tuple[str, str, Page]]:
        """(the route that it is, "file:line", the page) of all that providers serve themselves."""
        for reader in self.methods:
            for text, page in _pages(reader):
                yield f"auth:{reader.path[1]}-{page.name}", text.where, page

    def check_role(self, text: ScalarNode) -> None:
        """Complain about a role that is not there."""
        self.names["roles"].check(text, "there is no role {}")

    def _check_provider(self, text: ScalarNode) -> None:
        self.names["auth"].check(text, "there is no {} under `auth`")


def read_identity(
    readers: Sequence[OptionReader],
    server: Server,
    upstreams: Mapping[str, Upstream],
    names: Mapping[str, NameRegistry],
    *,
    asks_clients: bool,
) -> Identity:
    """The sections of all files; `names` are those of all sections; `asks_clients`: for certificates, or it may be."""
    identity = Identity(names)
    for name, reader in _unique("auth", readers):
        method = _method(reader)
        if method is not None:
            identity.methods.append(method)
            identity.providers[name] = _provider(name, reader, method, server)
            if method.path[-1] == "mtls" and not asks_clients:
                method.complain("clients are not asked for certificates", "it needs `server.tls.client_ca`")
    identity.roles = read_roles(dict(_unique("roles", readers)), identity.check_role)
    for reader in readers:
        for text, cors in read_cors(reader):
            _check_name(text, identity.cors)
            identity.cors.setdefault(text.value, cors)
    _check_endpoints(identity.methods)
    _check_references(identity, upstreams)
    return identity


def _unique(key: str, readers: Iterable[OptionReader]) -> Iterator[tuple[str, OptionReader]]:
    """The entries of a section of all files by name, the first of each name."""
    seen: dict[str, OptionReader] = {}
    for holder in readers:
        section = holder.section(key)
        for name in section:
            if isinstance(section.raw(name), dict):
                _check_name(section.key(name), seen)
                if name not in seen:
                    seen[name] = section.section(name)
                    yield name, seen[name]


def _check_name(text: ScalarNode, seen: Mapping[str, OptionReader | Cors]) -> None:
    if text.value == OFF:
        text.complain("`off` cannot be a name: it is what routes say that want none")
    if text.value in seen:
        text.complain(f"the name is written twice, first at {seen[text.value].where}")


def _method(reader: OptionReader) -> OptionReader | None:
    """The section of the one method; complains when there is none or a second."""
    written = [key for key in METHODS if key in reader]
    if len(written) > 1:
        reader.complain(f"it is either `{written[0]}` or `{written[1]}`, not both", key=written[1])
    elif not set(reader) - {"on_store_failure"}:  # the schema has complained of any other key
        reader.complain("it says nothing", f"it needs one of {', '.join(METHODS)}")
    return reader.section(written[0]) if written and isinstance(reader.raw(written[0]), dict) else None


def _provider(name: str, holder: OptionReader, reader: OptionReader, server: Server) -> Provider:
    kind = str(reader.path[-1])
    method = _READ[kind](reader)
    is_session = isinstance(method, Session)
    if isinstance(method, Session) and not method.is_secure and not all(map(is_loopback, server.bind)):
        reader.warn("`secure: false` sends sessions over plain http; it is for 127.0.0.1 only", key="secure")
    return Provider(
        name=name,
        method=method,
        told=_forwarded_identity(reader, is_session),
        on_store_failure=holder.text("on_store_failure") or ("deny" if is_session else "local"),
        where=holder.where,
    )


def _forwarded_identity(reader: OptionReader, is_session: bool) -> ForwardedIdentity:
    seen: set[str] = set()
    for name, _ in reader.pairs("forward"):
        check_header_name(name)
        if name.value.lower() == "host":
            name.complain("a claim may not name the host")
        if name.value.lower() in seen:
            name.complain(f"the header {name.shown} is there twice; names are compared without case")
        seen.add(name.value.lower())
    passes = reader.raw("pass_credential") if "pass_credential" in reader else reader.default("pass_credential")
    return ForwardedIdentity(
        forward=tuple((name.value, claim.value) for name, claim in reader.pairs("forward")),
        roles=reader.text("roles"),
        internal=read_internal_token(reader),
        pass_credential=is_session or passes is True,
    )


def _check_endpoints(methods: Iterable[OptionReader]) -> None:
    """Complain about two endpoints of sessions and issuers on one path."""
    seen: dict[str, str] = {}
    for reader in methods:
        for text, page in _pages(reader):
            if page.path in seen:
                text.complain(f"the path {page.path} is taken already, at {seen[page.path]}")
                break
            seen.setdefault(page.path, text.where)


def _pages(reader: OptionReader) -> Iterator[tuple[ScalarNode, Page]]:
    """What a provider serves itself, each page with what stands for its path in the file."""
    if reader.path[-1] == "session":
        yield from session_paths(reader)
    elif reader.path[-1] == "issuer":
        prefix = reader.one("path") or reader.key("path")
        for name in ("token", "refresh", "revoke") if "login" in reader else ("revoke",):
            yield prefix, Page(name, f"{reader.text('path').rstrip('/')}/{name}", ("POST",))
        keys = Page("keys", reader.text("jwks_path"), ("GET", "HEAD"))
        yield reader.one("jwks_path") or reader.key("jwks_path"), keys


def _check_references(identity: Identity, upstreams: Mapping[str, Upstream]) -> None:
    for reader in identity.methods:
        name = reader.section("login").one("upstream")
        if name is not None:
            identity.names["upstreams"].check(name, "there is no upstream {}")
        if name is not None and name.value in upstreams and upstreams[name.value].is_grpc:
            name.complain(f"the upstream {name.shown} speaks gRPC, which a login is not asked by")
        consumers = reader.section("consumers")
        for consumer in consumers:
            for text in consumers.section(consumer).texts("roles"):
                identity.check_role(text)
