"""Name of a request by its idempotency key: the key, its owner, and a mark of what was sent with it."""

from __future__ import annotations

import re
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import Final

from gateway.exchange import Exchange

#: characters of the longest key
LONGEST: Final = 255

#: a string of RFC 9651 section 3.3.3, as the draft asks, or the bare token that many clients send
_STRING: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"')
_TOKEN: Final = re.compile(r"[!#-+.-:<-\[\]-~-]+")
_ESCAPED: Final = re.compile(r"\\(.)")
#: what tells one client of an address from another where the gateway does not ask who calls
_CREDENTIALS: Final = frozenset(("authorization", "cookie", "proxy-authorization", "x-api-key"))


def parse_key(text: str) -> str | None:
    """The key that a field says, None where it says none or a long one; `"abc"` and `abc` are the same."""
    text = text.strip(" \t")
    found = _STRING.fullmatch(text)
    key = _ESCAPED.sub(r"\1", found[1]) if found else text if _TOKEN.fullmatch(text) else ""
    return key if 0 < len(key) <= LONGEST else None


def name_of(exchange: Exchange, key: str) -> bytes:
    """Under what a key of this client's on this route is remembered; nothing can be told from it.

    SECURITY: no client may meet another's answer.  Who calls is who the gateway says; where it does not ask, or the
    credential names nobody, the address (of IPv6 the network, /64) together with every credential that is sent: an
    upstream that asks itself would not have answered another one alike (tests/unit/idempotency/test_key.py).
    """
    caller = exchange.caller
    client: tuple[str, ...]
    if caller is not None and caller.subject:
        client = ("caller", caller.provider, caller.subject)
    else:
        sent = sorted(f"{name.lower()}:{value}" for name, value in exchange.headers if name.lower() in _CREDENTIALS)
        client = ("address", _network(exchange.client), *sent)
    return b"idem/" + _digest((exchange.route.name, key, *client)).hex().encode()


def mark_of(exchange: Exchange, body: bytes) -> bytes:
    """What was asked, as 32 bytes: method, host, path, query, the body and what it is."""
    kind = (exchange.header("content-type") or "", exchange.header("content-encoding") or "")
    return _digest((exchange.method, exchange.host, exchange.target, *kind), body, 32)


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:  # none, on a unix socket
        return address
    return f"{int(found) >> 64:x}" if isinstance(found, IPv6Address) and found.ipv4_mapped is None else str(found)


def _digest(parts: tuple[str, ...], body: bytes = b"", size: int = 20) -> bytes:
    """One digest for parts that no other parts give."""
    made = blake2b(digest_size=size)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        made.update(b"%d:" % len(data))
        made.update(data)
    made.update(body)
    return made.digest()
