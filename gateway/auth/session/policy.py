"""session: what a session's cookie may do, and what an upstream gets to see of it.

SECURITY: stands on every route once there is a provider of sessions, as browsers send the cookies with every request:
no upstream may get them, nor set them.
"""

from __future__ import annotations

from gateway.auth.model import Provider, Session
from gateway.auth.session import cookies
from gateway.auth.session.authenticator import STATE, CachedSession
from gateway.auth.session.cookies import SessionCookies, all_names
from gateway.auth.session.csrf import SAFE_METHODS, check_origin, check_token
from gateway.contracts import Steps, Tools
from gateway.exchange import Exchange, Headers, Response


def compile(spec: tuple[Provider, ...], tools: Tools) -> Steps:
    """The steps for all providers of sessions; to be entered after `identity`."""
    sessions = {each.name: each.method for each in spec if isinstance(each.method, Session)}
    step = _SessionStep(sessions, frozenset(each.name for each in spec if not _tells_in_authorization(each)))
    return Steps(on_request=step.on_request, on_response=step.on_response)


class _SessionStep:
    """The cookies of every provider, and how the one that named the caller guards against forged requests.

    `gives_access` are the providers whose access tokens upstreams get.
    """

    __slots__ = ("_gives_access", "_guards", "_names")

    def __init__(self, sessions: dict[str, Session], gives_access: frozenset[str]) -> None:
        self._gives_access = gives_access
        self._names = all_names(sessions.values())
        self._guards = tuple(
            (name, SessionCookies(session), session.csrf_header.lower()) for name, session in sessions.items()
        )

    def on_request(self, exchange: Exchange) -> None:
        """Refuse what a page of another site may have sent; hide the cookies, hand over the access token."""
        held = _held(exchange)
        if held is not None:
            self._check(exchange, held)
        if any(len(name) == 6 and name.lower() == "cookie" for name, _ in exchange.headers):
            exchange.outgoing = _without_cookies(exchange.edit_headers(), self._names)
        if held is not None and held.entry.session.tokens is not None and held.provider in self._gives_access:
            headers = [field for field in exchange.edit_headers() if field[0].lower() != "authorization"]
            exchange.outgoing = [*headers, ("Authorization", f"Bearer {held.entry.session.tokens.access}")]

    def on_response(self, exchange: Exchange, response: Response) -> None:
        """Keep the upstream from setting our cookies; give the browser its csrf cookie if it has lost it."""
        if any(_sets(field, self._names) for field in response.headers):
            response.headers = [field for field in response.headers if not _sets(field, self._names)]
        held = _held(exchange)
        if held is not None:
            for name, its, _ in self._guards:
                csrf = held.entry.session.csrf
                if name == held.provider and cookies.read(exchange.headers, its.csrf) != csrf:
                    response.headers.append(its.readable(csrf))

    def _check(self, exchange: Exchange, held: CachedSession) -> None:
        """Raises GatewayError CSRF."""
        if exchange.method in SAFE_METHODS:
            # A WebSocket begins as a GET, with the cookies, from a page of any site; the browser says which.
            if exchange.header("upgrade") is not None:
                check_origin(exchange)
            return
        check_origin(exchange)
        for name, _, header in self._guards:
            if name == held.provider:
                check_token(exchange.header(header), held.entry.session.csrf)


def _tells_in_authorization(provider: Provider) -> bool:
    """Whether upstreams are told of the callers where their access token would stand."""
    told = provider.told
    names = [name for name, _ in told.forward] + ([told.internal.header] if told.internal is not None else [])
    return any(name.lower() == "authorization" for name in names)


def _held(exchange: Exchange) -> CachedSession | None:
    """The session that named the caller; one that another provider came before does not count."""
    held: CachedSession | None = None if exchange.state is None else exchange.state.get(STATE)
    return held if held is not None and exchange.caller is held.caller else None


def _without_cookies(headers: Headers, names: frozenset[str]) -> Headers:
    """The fields without these cookies; a Cookie field goes when nothing is left of it."""
    made: Headers = []
    for field in headers:
        if field[0].lower() == "cookie":
            kept = cookies.without(field[1], names)
            if kept:
                made.append((field[0], kept))
        else:
            made.append(field)
    return made


def _sets(field: tuple[str, str], names: frozenset[str]) -> bool:
    return len(field[0]) == 10 and field[0].lower() == "set-cookie" and cookies.is_set(field[1], names)
