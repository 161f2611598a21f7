"""Rules, tokens and what is known of them, the slow and obvious way."""

import re
from urllib.parse import unquote_to_bytes

TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*\Z")
BEARER = re.compile(r"bearer(?: +(.*))?\Z", re.I | re.S | re.A)
OTHER_SCHEME = re.compile(r"(?!bearer(?![!#$%&'*+\-.^_`|~0-9A-Za-z]))", re.I | re.A)


def is_token68(text):
    return bool(TOKEN68.match(text))


def bearer(value):
    found = BEARER.match(value) if value.isascii() or max(value) < "\u0100" else None
    if found:
        return found[1] if found[1] and is_token68(found[1]) else ""
    return None if OTHER_SCHEME.match(value) or max(value) > "\u00ff" else ""


def at(claims, path):
    if ".".join(path) in claims and claims[".".join(path)] is not None:
        return claims[".".join(path)]
    for name in path:
        claims = claims.get(name) if isinstance(claims, dict) else None
    return claims


def same(one, other):
    def kind(value):
        return "number" if type(value) in (int, float) else type(value)

    return isinstance(one, str | int | float | bool) and kind(one) == kind(other) and one == other


def rendered(value, params):
    """The values to compare with: none for a template that cannot be filled."""
    if not isinstance(value, tuple):
        return [value]
    texts = [piece if isinstance(piece, str) else (params or {}).get(piece[0]) for piece in value]
    if not all(text for text, piece in zip(texts, value, strict=True) if isinstance(piece, tuple)):
        return []
    try:
        return [
            "".join(
                text if isinstance(piece, str) else unquote_to_bytes(text.encode("latin-1")).decode()
                for text, piece in zip(texts, value, strict=True)
            )
        ]
    except UnicodeError:
        return []


def holds(claim, claims, params):
    path, kind, values = claim
    value = at(claims, path)
    wanted = [text for each in values for text in rendered(each, params)]
    if kind == "prefix":
        return isinstance(value, str) and any(value.startswith(each) for each in wanted)
    values = value if isinstance(value, list) else [value]
    return any(same(each, one) for each in values for one in wanted)


def failing(scopes, roles, claims, caller_scopes, caller_roles, caller_claims, params):
    """The numbers of all parts that fail."""
    found = []
    if "*" not in caller_scopes and set(scopes) - set(caller_scopes):
        found.append(1)
    if roles and not set(roles) & set(caller_roles):
        found.append(2)
    return found + [3 + n for n, claim in enumerate(claims) if not holds(claim, caller_claims, params)]


class Cache:
    """What a cache without bounds would know: {token: (payload, until, epoch, revoked)}."""

    def __init__(self):
        self.entries = {}

    def put(self, token, payload, until, epoch, revoked):
        self.entries[token] = (payload, until, epoch, revoked)

    def known(self, token, now, epoch):
        payload, until, made, _ = self.entries.get(token, (None, 0, 0, 0))
        if token in self.entries and (now >= until or made != epoch):
            del self.entries[token]
            return None
        return payload

    def get(self, token, now, epoch, revoked):
        payload = self.known(token, now, epoch)
        return payload if payload is not None and self.entries[token][3] == revoked else None

    def drop(self, token):
        self.entries.pop(token, None)
