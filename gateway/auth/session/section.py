"""`session` under `auth`: logins of browsers."""

from collections.abc import Iterator
from typing import NamedTuple

from gateway.auth import schema
from gateway.auth.jwt.section import read_login
from gateway.auth.model import Oidc, Session
from gateway.config.certificate_files import read_authorities
from gateway.config.header_edits import check_header_name
from gateway.config.options import texts_once
from gateway.config.reader import OptionReader, ScalarNode
from gateway.config.urls import check_url


class Page(NamedTuple):
    """A path that the gateway itself serves, and by which methods."""

    name: str
    path: str
    methods: tuple[str, ...]


def read_session(reader: OptionReader) -> Session:
    """`session`."""
    ttl, idle = reader.duration("ttl"), reader.duration("idle")
    if idle > ttl:
        key = "idle" if "idle" in reader else "ttl"
        reader.complain("`idle` is longer than `ttl`, so it has no effect", key=key)
    csrf, paths = reader.section("csrf"), reader.section("paths")
    _check_login(reader)
    _check_names(reader, csrf)
    return Session(
        cookie=reader.text("cookie"),
        ttl=ttl,
        idle=idle,
        same_site=reader.text("same_site"),
        is_secure=is_secure(reader),
        csrf_cookie=csrf.text("cookie"),
        csrf_header=csrf.text("header"),
        login_path=paths.text("login"),
        callback_path=paths.text("callback"),
        logout_path=paths.text("logout"),
        oidc=_oidc(reader.section("oidc")) if "oidc" in reader else None,
        login=read_login(reader),
    )


def is_secure(reader: OptionReader) -> bool:
    """Whether a session's cookie is for https only."""
    return "secure" not in reader or reader.flag("secure")


def session_paths(reader: OptionReader) -> Iterator[tuple[ScalarNode, Page]]:
    """The pages of a session, each with what stands for its path in the file."""
    paths = reader.section("paths")
    for name in ("login", "callback", "logout") if "oidc" in reader else ("login", "logout"):
        method = "GET" if "oidc" in reader and name != "logout" else "POST"
        yield paths.one(name) or reader.key("paths"), Page(name, paths.text(name), (method,))


def _check_login(reader: OptionReader) -> None:
    if "oidc" in reader and "login" in reader:
        reader.complain("people log in through either `oidc` or `login`, not both", key="login")
    elif "oidc" not in reader and "login" not in reader:
        reader.complain("nobody could log in", "it needs `oidc` or `login`")
    elif "login" in reader and "callback" in reader.section("paths"):
        reader.section("paths").complain("`callback` has no effect without `oidc`", key="callback")


def _check_names(reader: OptionReader, csrf: OptionReader) -> None:
    if (name := csrf.one("header")) is not None:
        check_header_name(name)
    for text in (reader.one("cookie"), csrf.one("cookie")):
        if text is not None and text.value.lower().startswith(("__host-", "__secure-")):
            text.complain(f"{text.shown} has a prefix that the gateway puts there itself", "leave it out")
    if reader.text("cookie") == csrf.text("cookie"):
        holder = csrf if "cookie" in csrf else reader
        holder.complain("the session and `csrf` need a cookie each", key="cookie")


def _oidc(reader: OptionReader) -> Oidc:
    if (issuer := reader.one("issuer")) is not None:
        check_url(reader, issuer)
    scopes = texts_once(reader, "scopes") or schema.OPENID
    if "openid" not in scopes:
        reader.complain("`openid` is missing, without which nobody is told who logged in", key="scopes")
    return Oidc(
        issuer=reader.text("issuer"),
        client_id=reader.text("client_id"),
        client_secret=reader.text("client_secret"),
        scopes=scopes,
        renew_before=reader.duration("renew_before"),
        insecure=reader.flag("insecure"),
        ca=read_authorities(reader, "ca"),
    )
