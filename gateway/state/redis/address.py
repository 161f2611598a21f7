"""Address of a Redis, from the URL of a configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

Kind = Literal["single", "cluster", "sentinel"]

PORT: Final = 6379
SENTINEL_PORT: Final = 26379


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One server, the nodes of a cluster to begin with, or sentinels that know where `master` is.

    `ca` is a file of authorities to trust instead of the system's, "" = not written.
    SECURITY: neither str nor repr show the password.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...]
    is_tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0
    master: str = ""
    ca: str = ""

    def __str__(self) -> str:
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{self.master} of {hosts}" if self.master else hosts


def parse(url: str) -> RedisAddress:
    """The address in redis://user:password@host:port/database, rediss://…, redis+cluster://a:1,b:2, redis+sentinel://a:1,b:2/master.

    TLS for the last two: rediss+cluster, rediss+sentinel; `?ca=file` beside any TLS.
    SECURITY: ValueError has words that hold nothing of the URL, which may hold a password anywhere.
    """
    # NOTE: urlsplit takes no list of hosts with an IPv6 address in it.
    scheme, _, rest = url.partition("://")
    rest, _, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    netloc, _, path = rest.partition("/")
    transport, plus, form = scheme.partition("+")
    if transport not in ("redis", "rediss") or form not in (("cluster", "sentinel") if plus else ("",)):
        raise ValueError("the store is `memory` or a URL that begins with redis://, rediss://, redis+cluster:// …")
    kind: Kind = "cluster" if form == "cluster" else "sentinel" if form == "sentinel" else "single"
    credentials, _, hosts = netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    found = tuple(_host(each, SENTINEL_PORT if kind == "sentinel" else PORT) for each in hosts.split(","))
    if kind == "single" and len(found) > 1:
        raise ValueError("several hosts of a store are a redis+cluster:// or redis+sentinel://")
    database, master = _path(kind, unquote(path.strip("/")))
    return RedisAddress(
        kind,
        found,
        transport == "rediss",
        unquote(username) or None,
        unquote(password) or None,
        database,
        master,
        _ca(query, bool(fragment), transport),
    )


def _host(text: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit("//" + text)
        host, given = parts.hostname, parts.port
    except ValueError:
        raise ValueError("a host of the store is name:port") from None
    if not host or given == 0:
        raise ValueError("a host of the store is name:port")
    return host, given or port


def _path(kind: Kind, path: str) -> tuple[int, str]:
    """(database, name of the master)."""
    if kind == "single":
        if path and not (path.isascii() and path.isdigit() and len(path) <= 4):
            raise ValueError("the path of a store's URL is the number of a database")
        return int(path or 0), ""
    if kind == "sentinel":
        if not path or "/" in path:
            raise ValueError("the path of a store's URL redis+sentinel:// is the name of the master")
        return 0, path
    if path not in ("", "0"):
        raise ValueError("a store in a Redis Cluster has only database 0")
    return 0, ""


def _ca(query: str, has_fragment: bool, transport: str) -> str:
    try:
        given = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    except ValueError:
        given = {"": ""}
    if has_fragment or set(given) - {"ca"} or (given and transport != "rediss"):
        raise ValueError("the URL of a store takes ?ca=file behind rediss:// and nothing else")
    return given.get("ca", "")
