"""`auth` and `roles`: who calls and what they may do, of all files together, and their names on routes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gateway.auth.access_options import check_names, read_roles
from gateway.auth.api_key.section import read_api_key, read_mtls
from gateway.auth.jwt.section import read_internal_token, read_issuer, read_jwt
from gateway.auth.model import Access, ApiKey, ForwardedIdentity, Method, Mtls, Provider, Session
from gateway.auth.schema import METHODS
from gateway.auth.session.section import Page, read_session, session_paths
from gateway.config.header_edits import check_header_name
from gateway.config.hosts import is_loopback
from gateway.config.name_registry import check_new
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.reading import OwnRoute, Reading

if TYPE_CHECKING:
    from gateway.server.options import Server

_READ: Final[Mapping[str, Callable[[OptionReader], Method]]] = {
    "jwt": read_jwt,
    "api_key": read_api_key,
    "session": read_session,
    "issuer": read_issuer,
    "mtls": read_mtls,
}


def read(reading: Reading) -> dict[str, Any]:
    """`auth` and `roles` of a configuration."""
    server: Server = reading.found["server"]
    tls = reading.section("server")
    asks_clients = tls.is_wrong("tls", "client_ca") or bool(server.tls and server.tls.client_ca)
    providers: dict[str, Provider] = {}
    methods = []
    for name, reader in _unique("auth", reading.readers):
        method = _method(reader)
        if method is not None:
            methods.append(method)
            providers[name] = _provider(name, reader, method, server)
            if method.path[-1] == "mtls" and not asks_clients:
                method.complain("clients are not asked for certificates", "it needs `server.tls.client_ca`")
    roles = read_roles(dict(_unique("roles", reading.readers)), partial(_check_role, reading))
    _check_endpoints(methods)
    _check_references(reading, methods)
    for reader in methods:
        for text, page in _pages(reader):
            own = OwnRoute(f"auth:{reader.path[1]}-{page.name}", text.where, page.path, page.methods)
            reading.own_routes.append(own)
    return {"providers": tuple(providers.values()), "roles": roles}


def check(reading: Reading) -> None:
    """Complain about names on routes that are not there, and about caches that could not tell callers apart."""
    for holder in reading.holders():
        check_names(holder, partial(_check_provider, reading), partial(_check_role, reading))
    providers = {each.name: each for each in reading.found["providers"]}
    for section, route in reading.pairs:
        if route.cache is not None and not route.cache.shared and route.access is not None:
            _check_callers(section, route.access, providers)


def _check_role(reading: Reading, text: ScalarNode) -> None:
    reading.names("roles").check(text, "there is no role {}")


def _check_provider(reading: Reading, text: ScalarNode) -> None:
    reading.names("auth").check(text, "there is no {} under `auth`")


def _check_callers(section: OptionReader, access: Access, providers: Mapping[str, Provider]) -> None:
    """Complain where a route knows its callers by cookies alone: what is kept could not be told apart by them."""
    used = [providers[name].method for name in access.use if name in providers]
    if used and len(used) == len(access.use) and all(map(_is_by_cookie, used)):
        section.complain(
            "the route knows its callers by a cookie only, and what browsers see is not kept for each of them",
            "write `shared: true` where one answer serves all of them, or leave the cache out",
            key="cache",
        )


def _is_by_cookie(method: Method) -> bool:
    """Whether a provider knows callers by nothing but a cookie."""
    if isinstance(method, Session | Mtls):
        return isinstance(method, Session)
    sources = (method.source,) if isinstance(method, ApiKey) else method.sources
    return bool(sources) and all(source.place == "cookie" for source in sources)


def _unique(key: str, readers: Iterable[OptionReader]) -> Iterator[tuple[str, OptionReader]]:
    """The entries of a section of all files by name, the first of each name."""
    seen: dict[str, OptionReader] = {}
    for holder in readers:
        section = holder.section(key)
        for name in section:
            if isinstance(section.raw(name), dict):
                check_new(section.key(name), seen)
                if name not in seen:
                    seen[name] = section.section(name)
                    yield name, seen[name]


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


def _check_references(reading: Reading, methods: Iterable[OptionReader]) -> None:
    """Complain about upstreams and roles that providers name and that are not there."""
    sound = reading.sound["upstreams"]
    for reader in methods:
        name = reader.section("login").one("upstream")
        if name is not None:
            reading.names("upstreams").check(name, "there is no upstream {}")
        if name is not None and name.value in sound and sound[name.value].is_grpc:
            name.complain(f"the upstream {name.shown} speaks gRPC, which a login is not asked by")
        consumers = reader.section("consumers")
        for consumer in consumers:
            for text in consumers.section(consumer).texts("roles"):
                _check_role(reading, text)
