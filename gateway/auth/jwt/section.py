"""`jwt` and `issuer` under `auth`, and the internal token: what is signed, how, and with which keys."""

from typing import Final

from gateway.auth import schema
from gateway.auth.jwt.key_files_section import read_private, read_public
from gateway.auth.model import Credential, InternalToken, Issuer, Jwks, Jwt, Login
from gateway.config.certificate_files import read_authorities
from gateway.config.header_edits import check_header_name
from gateway.config.options import texts_once
from gateway.config.reader import OptionReader
from gateway.config.urls import check_url

LEAST_SECRET: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Bytes: as many as the hash has (RFC 7518 section 3.2)."""

_SOURCES = ("secret", "keys", "jwks")


def read_jwt(reader: OptionReader) -> Jwt:
    """`jwt`."""
    algorithms = texts_once(reader, "algorithms")
    _check_keys(reader, algorithms)
    if "audience" not in reader:
        reader.warn("tokens that were made for anybody are taken: `audience` is not written")
    required = texts_once(reader, "required")
    return Jwt(
        issuers=texts_once(reader, "issuer"),
        audiences=texts_once(reader, "audience"),
        algorithms=algorithms,
        secret=reader.text("secret"),
        keys=read_public(reader, "keys", algorithms),
        jwks=_jwks(reader),
        leeway=reader.duration("leeway"),
        required=required if "required" in reader else schema.REQUIRED,
        types=tuple(dict.fromkeys(kind.lower() for kind in texts_once(reader, "types") or schema.TYPES)),
        sources=read_sources(reader),
    )


def read_issuer(reader: OptionReader) -> Issuer:
    """`issuer`."""
    algorithm = reader.text("algorithm")
    access_ttl, refresh_ttl = reader.duration("access_ttl"), reader.duration("refresh_ttl")
    if refresh_ttl < access_ttl:
        key = "refresh_ttl" if "refresh_ttl" in reader else "access_ttl"
        reader.complain("`refresh_ttl` is shorter than `access_ttl`: nothing could be renewed", key=key)
    return Issuer(
        issuer=reader.text("issuer"),
        audience=reader.text("audience"),
        algorithm=algorithm,
        key=read_private(reader, "key", algorithm),
        access_ttl=access_ttl,
        refresh_ttl=refresh_ttl,
        login=read_login(reader),
        leeway=reader.duration("leeway"),
        sources=read_sources(reader),
        path=reader.text("path"),
        jwks_path=reader.text("jwks_path"),
    )


def read_login(holder: OptionReader) -> Login | None:
    """`login`: who checks passwords."""
    if "login" not in holder:
        return None
    reader = holder.section("login")
    return Login(reader.text("upstream"), reader.text("path"))


def read_internal_token(holder: OptionReader) -> InternalToken | None:
    """`internal_token`."""
    if "internal_token" not in holder:
        return None
    reader = holder.section("internal_token")
    algorithm = reader.text("algorithm")
    if (name := reader.one("header")) is not None:
        check_header_name(name)
    return InternalToken(
        header=reader.text("header"),
        issuer=reader.text("issuer"),
        audience=reader.text("audience"),
        algorithm=algorithm,
        key=read_private(reader, "key", algorithm),
        ttl=reader.duration("ttl"),
    )


def read_sources(reader: OptionReader, default: str = schema.FROM) -> tuple[Credential, ...]:
    """`from`: where a credential may stand."""
    found: dict[Credential, None] = {}
    for text in reader.texts("from"):
        source = _credential(text.value)
        if any(source.place == other.place and _same_name(source, other) for other in found):
            text.complain(f"{text.shown} is there twice")
        found[source] = None
    return tuple(found) or (_credential(default),)


def _credential(text: str) -> Credential:
    place, _, name = text.partition(":")
    return Credential(place, name)


def _same_name(one: Credential, other: Credential) -> bool:
    return one.name.lower() == other.name.lower() if one.place == "header" else one.name == other.name


def _check_keys(reader: OptionReader, algorithms: tuple[str, ...]) -> None:
    """Exactly one source of keys. SECURITY: of one kind, or a public key could be taken for the secret of HS256."""
    written = [key for key in _SOURCES if key in reader]
    if not written:
        reader.complain("nothing to verify tokens with", "it needs `jwks`, `keys` or `secret`")
        return
    if len(written) > 1:
        reader.complain(f"tokens are verified with either `{written[0]}` or `{written[1]}`", key=written[1])
        return
    is_secret = written == ["secret"]
    for text in reader.texts("algorithms"):
        if is_secret and text.value in schema.KEY_ALGORITHMS:
            text.complain(f"{text.shown} needs public keys, not a `secret`", "write `keys` or `jwks`")
        elif not is_secret and text.value in schema.SECRET_ALGORITHMS:
            text.complain(f"{text.shown} needs a `secret`; a public key is none", "write `secret`, or leave it out")
    if is_secret:
        _check_secret(reader, algorithms)


def _check_secret(reader: OptionReader, algorithms: tuple[str, ...]) -> None:
    secret = reader.one("secret")
    least = max((LEAST_SECRET.get(algorithm, 0) for algorithm in algorithms), default=0) or LEAST_SECRET["HS256"]
    if secret is not None and len(secret.value.encode()) < least:
        message = f"the secret has {len(secret.value.encode())} bytes; {least} are needed (RFC 7518 section 3.2)"
        secret.complain(message, "`openssl rand -hex 32` makes one")


def _jwks(holder: OptionReader) -> Jwks | None:
    if "jwks" not in holder:
        return None
    reader = holder.section("jwks")
    url = holder.one("jwks") or reader.one("url")
    if url is not None:
        check_url(reader, url)
    return Jwks(
        url=url.value if url is not None else "",
        refresh=reader.duration("refresh"),
        stale=reader.duration("stale"),
        insecure=reader.flag("insecure"),
        ca=read_authorities(reader, "ca"),
    )
