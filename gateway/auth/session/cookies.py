"""Cookies of the gateway's own: read from a request, taken out of it, set and cleared (RFC 6265bis)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.auth.model import Session
from gateway.exchange import Headers

PREFIX: Final = "__Host-"
LOGIN_TTL: Final = 600  # seconds


def read(headers: Headers, name: str) -> str | None:
    """The value of the first cookie of that name; HTTP/2 clients may send several Cookie fields."""
    for key, value in headers:
        if len(key) == 6 and key.lower() == "cookie":
            for pair in value.split(";"):
                found, mark, text = pair.partition("=")
                if mark and found.strip() == name:
                    return text.strip()
    return None


def without(value: str, names: frozenset[str]) -> str:
    """A Cookie field without the cookies of these names; "" when nothing is left."""
    kept = [pair for pair in value.split(";") if pair.partition("=")[0].strip() not in names]
    return ";".join(kept).strip()


def is_set(header: str, names: frozenset[str]) -> bool:
    """Whether a Set-Cookie field sets one of these names."""
    return header.partition(";")[0].partition("=")[0].strip() in names


class SessionCookies:
    """The cookies of one provider's sessions: their names as the browser has them, and the fields that set them.

    SECURITY: with the __Host- prefix no other host of the domain, and no page over plain http, can plant one.
    """

    __slots__ = ("_ends", "_ttl", "csrf", "login", "names", "session")

    def __init__(self, spec: Session) -> None:
        prefix = PREFIX if spec.is_secure else ""
        self.session = _prefixed(prefix, spec.cookie)
        self.csrf = _prefixed(prefix, spec.csrf_cookie)
        #: binds a login that is under way to the browser that began it
        self.login = self.session + "_login"
        self.names = frozenset((self.session, self.csrf, self.login))
        self._ttl = int(spec.ttl)
        secure = "; Secure" if spec.is_secure else ""
        self._ends = f"; Path=/{secure}; SameSite=%s" % spec.same_site.capitalize(), f"; Path=/{secure}; SameSite=Lax"

    def begun(self, value: str, csrf: str) -> Headers:
        """The fields that give a session to the browser, and end the login that led to it."""
        return [self._field(self.session, value, self._ttl), self.readable(csrf), self.login_over()]

    def readable(self, csrf: str) -> tuple[str, str]:
        """The field that tells the page's own scripts what to repeat with unsafe methods."""
        return ("Set-Cookie", f"{self.csrf}={csrf}; Max-Age={self._ttl}{self._ends[0]}")

    def over(self) -> Headers:
        """The fields that take both cookies of a session away."""
        return [self._field(self.session, "", 0), ("Set-Cookie", f"{self.csrf}=; Max-Age=0{self._ends[0]}")]

    def login_begun(self, value: str) -> tuple[str, str]:
        """The field that binds a login; Lax whatever the session's is, as the provider's site leads back to us."""
        return ("Set-Cookie", f"{self.login}={value}; Max-Age={LOGIN_TTL}; HttpOnly{self._ends[1]}")

    def login_over(self) -> tuple[str, str]:
        """The field that ends the binding."""
        return ("Set-Cookie", f"{self.login}=; Max-Age=0; HttpOnly{self._ends[1]}")

    def _field(self, name: str, value: str, ttl: int) -> tuple[str, str]:
        return ("Set-Cookie", f"{name}={value}; Max-Age={ttl}; HttpOnly{self._ends[0]}")


def all_names(specs: Iterable[Session]) -> frozenset[str]:
    """The names of all cookies that are the gateway's own."""
    return frozenset().union(*(SessionCookies(spec).names for spec in specs))


def _prefixed(prefix: str, name: str) -> str:
    return name if name.startswith(prefix) else prefix + name
